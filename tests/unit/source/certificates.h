// Certificates for tests, made on the spot: an authority and server certificates it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace imgring::test {

class Authority {
 public:
  Authority() : key_(EVP_EC_gen("P-256")), certificate_(make("imgring test", nullptr, 3600)) {
    char name[] = "/tmp/imgring-ca-XXXXXX";
    const int fd = mkstemp(name);
    file_ = name;
    FILE* file = fdopen(fd, "w");
    PEM_write_X509(file, certificate_);
    fclose(file);
  }
  ~Authority() {
    unlink(file_.c_str());
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  const std::string& file() const { return file_; }

  // A server's settings with a certificate for the names ("DNS:localhost,IP:127.0.0.1").
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> server(const char* names, long valid_s = 3600) {
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                         SSL_CTX_free);
    X509* certificate = make("server", names, valid_s);
    SSL_CTX_use_certificate(context.get(), certificate);
    SSL_CTX_use_PrivateKey(context.get(), key_);
    SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("t"), 1);
    X509_free(certificate);
    return context;
  }

 private:
  // One key serves for all. Without names: the authority's own.
  X509* make(const char* subject, const char* names, long valid_s) {
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), valid_s);
    X509_set_pubkey(x, key_);
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
    X509_set_issuer_name(x, names == nullptr ? name : X509_get_subject_name(certificate_));
    if (names == nullptr) add(x, NID_basic_constraints, "critical,CA:TRUE");
    if (names != nullptr) add(x, NID_subject_alt_name, names);
    X509_sign(x, key_, EVP_sha256());
    return x;
  }
  static void add(X509* x, int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }

  long serial_ = 0;
  EVP_PKEY* key_;
  X509* certificate_;
  std::string file_;
};

}  // namespace imgring::test
