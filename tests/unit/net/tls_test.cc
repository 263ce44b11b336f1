// What every TLS connection is made with; handshakes are in tests/unit/source/tls_test.cc, those
// with servers of another library in tests/real/old_tls_test.py.
#include "imgring/net/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace imgring::net {
namespace {

TEST(TlsSwitches, OldServersConnectAndNobodyRenegotiates) {
  const auto context = TlsContext::make({});
  ASSERT_TRUE(context.has_value());
  const std::uint64_t on = (*context)->switches();
  // Without the second the first would let a stranger put words in front of a request.
  EXPECT_TRUE(on & SSL_OP_LEGACY_SERVER_CONNECT);
  EXPECT_TRUE(on & SSL_OP_NO_RENEGOTIATION);
  EXPECT_FALSE(on & SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
  EXPECT_TRUE(on & SSL_OP_NO_COMPRESSION);
}

}  // namespace
}  // namespace imgring::net
