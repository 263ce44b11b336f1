// Signatures against the published examples; requests and answers of a storage of ours.
#include "../../../src/source/s3.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "source_server.h"
#include "world.h"

namespace imgring {
namespace {

using source::AwsCredentials;
using source::AwsProfile;
using source::AwsRequest;
using source::AwsScope;
using source::S3Object;
using source::S3Options;
using test::answer;
using test::get;
using test::Outcome;
using test::Peer;
using test::raw;
using test::SourceServer;
using test::Step;
using test::target_of;
using test::with;
using test::World;

// The account of AWS's own examples.
const AwsCredentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                              ""};

// docs.aws.amazon.com, "Authenticating Requests: Using the Authorization Header", GET examples.
TEST(AwsSignature, PublishedExamples) {
  struct Case {
    const char* path;
    const char* query;
    const char* range;
    const char* signature;
  };
  for (const Case& c : {Case{"/test.txt", "", "bytes=0-9",
                             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
                        Case{"/", "lifecycle=", "",
                             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
                        Case{"/", "max-keys=2&prefix=J", "",
                             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"}}) {
    AwsRequest request;
    request.path = c.path;
    request.query = c.query;
    request.payload_sha256 = source::empty_sha256();
    request.time = "20130524T000000Z";
    request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
    if (*c.range != '\0') request.headers.emplace_back("range", c.range);
    request.headers.emplace_back("x-amz-content-sha256", source::empty_sha256());
    request.headers.emplace_back("x-amz-date", request.time);
    const std::string value =
        source::aws_authorization(request, kExample, AwsScope{"us-east-1", "s3"});
    EXPECT_TRUE(value.ends_with(std::string("Signature=") + c.signature)) << value;
    EXPECT_TRUE(
        value.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                          "us-east-1/s3/aws4_request,SignedHeaders=host;"));
  }
}

TEST(AwsSignature, Encoding) {
  EXPECT_EQ(source::aws_encode("a b/c+d~é%", source::Slash::kKeep), "a%20b/c%2Bd~%C3%A9%25");
  EXPECT_EQ(source::aws_encode("a/b", source::Slash::kEncode), "a%2Fb");
}

TEST(AwsProfile, VariablesThenFiles) {
  char name[] = "/tmp/imgring-aws-XXXXXX";
  const int fd = mkstemp(name);
  close(fd);
  std::ofstream(name) << "[default]\naws_access_key_id = D\naws_secret_access_key = DS\n"
                         "[profile other]\nregion = eu-x-1\n# no = comment\n"
                         "aws_access_key_id=O\naws_secret_access_key=OS=\n"
                         "aws_session_token = OT\n";
  std::map<std::string, std::string> variables = {{"AWS_SHARED_CREDENTIALS_FILE", name},
                                                  {"AWS_CONFIG_FILE", name}};
  const source::ReadVariable read = [&variables](const char* variable) {
    return variables[variable];
  };
  EXPECT_EQ(source::load_aws_profile(read).credentials.key_id, "D");
  variables["AWS_PROFILE"] = "other";
  const AwsProfile other = source::load_aws_profile(read);
  EXPECT_EQ(other.credentials.secret, "OS=");
  EXPECT_EQ(other.credentials.session_token, "OT");
  EXPECT_EQ(other.region, "eu-x-1");
  variables["AWS_ACCESS_KEY_ID"] = "V";
  variables["AWS_SECRET_ACCESS_KEY"] = "VS";
  variables["AWS_REGION"] = "us-v-1";
  const AwsProfile own = source::load_aws_profile(read);
  EXPECT_EQ(own.credentials.key_id, "V");
  EXPECT_EQ(own.credentials.session_token, "");
  EXPECT_EQ(own.region, "us-v-1");
  variables["AWS_PROFILE"] = "missing";
  variables.erase("AWS_ACCESS_KEY_ID");
  EXPECT_FALSE(source::load_aws_profile(read).credentials);
  std::remove(name);
}

TEST(S3, WhereObjectsLive) {
  struct Case {
    const char* endpoint;
    bool path_style;
    S3Object object;
    const char* host_header;
    const char* target;
  };
  const Case cases[] = {
      {"",
       true,
       {"bucket", "a/b c.png", "", "eu-west-1"},
       "bucket.s3.eu-west-1.amazonaws.com",
       "/a/b%20c.png"},
      {"",
       true,
       {"dotted.bucket", "k", "v/1", "eu-west-1"},
       "s3.eu-west-1.amazonaws.com",
       "/dotted.bucket/k?versionId=v%2F1"},
      {"", true, {"bucket", "k", "", "cn-north-1"}, "bucket.s3.cn-north-1.amazonaws.com.cn", "/k"},
      {"http://minio:9000", true, {"bucket", "k?#%", "", "r"}, "minio:9000", "/bucket/k%3F%23%25"},
      {"http://minio:9000/", false, {"bucket", "k", "", "r"}, "bucket.minio:9000", "/k"},
      {"https://x/prefix/", true, {"bucket", "k", "", "r"}, "x", "/prefix/bucket/k"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.endpoint) + " " + c.target);
    S3Options options;
    options.endpoint = c.endpoint;
    options.path_style = c.path_style;
    options.credentials = kExample;
    const auto request = source::s3_request(options, c.object, {}, 1369353600);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->host_header, c.host_header);
    EXPECT_EQ(request->target, c.target);
    EXPECT_TRUE(request->trusted);
    EXPECT_EQ(request->headers.get("x-amz-date"), "20130524T000000Z");
    EXPECT_NE(request->headers.get("authorization").find("20130524/" + c.object.region + "/s3/"),
              std::string::npos);
  }
}

class S3Sources : public testing::Test {
 protected:
  S3Sources() {
    setenv("AWS_ACCESS_KEY_ID", "key", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    world_.config.source.use_s3 = true;
    world_.config.source.allow_loopback = false;  // the endpoint is not guarded
    world_.config.source.s3_region = "us-west-2";
  }
  ~S3Sources() override {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
      unsetenv(name);
    }
  }
  void use(const SourceServer& server) {
    world_.config.source.s3_endpoint = "127.0.0.1:" + std::to_string(server.port());
  }
  World world_;
};

TEST_F(S3Sources, ObjectsWithConditionsAndRanges) {
  SourceServer server([](Peer& peer, const std::string&) {
    return peer.send(answer("200 OK", "ETag: \"e\"\r\n", "object"));
  });
  use(server);
  const std::string url = "s3://bucket/folder/a.png?ver";
  const auto outs = world_.run(
      {with(get(url), "If-None-Match", "\"e\""),
       with(with(with(raw(url), "Range", "bytes=0-1"), "If-None-Match", "x"), "Cookie", "a=b")});
  for (const Outcome& out : outs) {
    EXPECT_EQ(out.body, "object");
    EXPECT_EQ(out.headers.get("ETag"), "\"e\"");
  }
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(target_of(seen[0]), "/bucket/folder/a.png?versionId=ver");
  EXPECT_NE(seen[0].find("If-None-Match: \"e\"\r\n"), std::string::npos);
  EXPECT_NE(seen[0].find("x-amz-security-token: token\r\n"), std::string::npos);
  EXPECT_NE(seen[0].find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                         "x-amz-security-token,"),
            std::string::npos);
  EXPECT_NE(seen[1].find("Range: bytes=0-1\r\n"), std::string::npos);
  EXPECT_EQ(seen[1].find("If-None-Match"), std::string::npos);
  EXPECT_EQ(seen[1].find("Cookie"), std::string::npos);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(S3Sources, WrongRegionsAreLearned) {
  SourceServer server([](Peer& peer, const std::string& head) {
    if (head.find("/eu-central-1/s3/") != std::string::npos) {
      return peer.send(answer("200 OK", "", "object"));
    }
    return peer.send(answer("301 Moved", "X-Amz-Bucket-Region: eu-central-1\r\n", "<Error/>"));
  });
  use(server);
  const auto outs = world_.run({get("s3://bucket/a"), get("s3://bucket/b")});
  for (const Outcome& out : outs) EXPECT_EQ(out.body, "object") << out.error.detail;
  EXPECT_EQ(server.seen().size(), 3u);
}

TEST_F(S3Sources, Errors) {
  SourceServer server([](Peer& peer, const std::string& head) {
    const std::string target = target_of(head);
    const std::string status = target.substr(target.rfind('/') + 1);
    return peer.send(answer(status + " x", "Content-Type: application/xml\r\n",
                            "<Error><Code>Why</Code></Error>"));
  });
  use(server);
  struct Case {
    const char* url;
    int status;
    const char* detail;
  };
  world_.config.source.s3_denied_buckets = {"denied"};
  for (const Case& c : {Case{"s3://bucket/403", 403, "Why"}, Case{"s3://bucket/404", 404, "Why"},
                        Case{"s3://bucket/503", 502, "Why"}, Case{"s3://bucket/301", 404, "301"},
                        Case{"s3:///key", 404, "bucket"}, Case{"s3://bucket/", 404, "key"},
                        Case{"s3://denied/200", 404, "IMGPROXY_S3_DENIED_BUCKETS"}}) {
    SCOPED_TRACE(c.url);
    const Outcome out = world_.one(get(c.url));
    EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
    EXPECT_EQ(out.error.status(), c.status);
    EXPECT_NE(out.error.detail.find(c.detail), std::string::npos) << out.error.detail;
  }
  world_.config.source.s3_allowed_buckets = {"other", "denied"};
  for (const char* url : {"s3://bucket/200", "s3://denied/200"}) {
    EXPECT_NE(world_.one(get(url)).error.detail.find("BUCKETS"), std::string::npos);
  }
  const std::size_t asked = server.seen().size();
  for (const char* url : {"s3://other/../secret/200", "s3://other/%2e%2e/secret/200",
                          "s3://other/..\\secret/200", "s3://other/./200"}) {
    EXPECT_NE(world_.one(get(url)).error.detail.find("dot segment"), std::string::npos) << url;
  }
  EXPECT_EQ(server.seen().size(), asked);
  unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_NE(world_.one(get("s3://other/200")).error.detail.find("AWS_SECRET_ACCESS_KEY"),
            std::string::npos);
}

// Below an endpoint in host style the bucket is part of the host that is asked.
TEST(S3Request, ABucketThatIsNoLabelMakesNoHost) {
  S3Options options;
  options.endpoint = "http://minio.example:9000";
  options.path_style = false;
  options.region = "r";
  options.credentials = {"id", "secret", ""};
  const auto host_for = [&options](const std::string& bucket) {
    const auto request = s3_request(options, {bucket, "key", "", "r"}, {}, 0);
    return request ? request->host_header : "refused";
  };
  EXPECT_EQ(host_for("my.bucket_1"), "my.bucket_1.minio.example:9000");
  for (const std::string bucket : {"evil.com#", "evil.com?", "evil.com\\", "u@evil.com", "evil:80",
                                   "a b", "a%2f", "\xc3\xbc"}) {
    EXPECT_EQ(host_for(bucket), "refused") << bucket;
  }
}

}  // namespace
}  // namespace imgring
