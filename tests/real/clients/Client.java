// HttpClient of Java against imgring: what it asks and prints is told in ../clients_test.py, which starts it.
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPInputStream;

public class Client {
  static final int PARALLEL = 100;
  // As it comes: it asks for an upgrade to HTTP/2 (h2c) with each new connection.
  static final HttpClient client = HttpClient.newHttpClient();

  static void report(String name, boolean good, Object seen) {
    System.out.println(good ? "ok " + name : "FAILED " + name + ": " + seen);
  }

  static HttpRequest request(String method, String url, String... fields) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(url));
    builder.method(method, HttpRequest.BodyPublishers.noBody());
    for (int i = 0; i + 1 < fields.length; i += 2) builder.header(fields[i], fields[i + 1]);
    return builder.build();
  }

  static HttpResponse<byte[]> ask(String method, String url, String... fields) throws Exception {
    return client.send(request(method, url, fields), BodyHandlers.ofByteArray());
  }

  static String sum(byte[] body) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
  }

  static String field(HttpResponse<?> answer, String name) {
    return answer.headers().firstValue(name).orElse("");
  }

  static void oneAfterAnother(String direct, String relay, String image) throws Exception {
    final String health = System.getenv("HEALTH"), raw = relay + System.getenv("RAW");
    boolean good = true;
    for (int i = 0; i < 10; ++i) {
      for (String path : List.of(health, image)) {
        good = ask("GET", relay + path).statusCode() == 200 && good;
      }
    }
    report("reuse", good, "");
    HttpResponse<byte[]> answer = ask("HEAD", relay + image);
    report("HEAD", answer.statusCode() == 200 && answer.body().length == 0, answer);
    answer = ask("GET", relay + image);
    final String etag = field(answer, "etag");
    report("ETag", answer.statusCode() == 200 && !etag.isEmpty(), answer);
    answer = ask("GET", relay + image, "If-None-Match", etag);
    report("304", answer.statusCode() == 304 && answer.body().length == 0, answer);
    answer = ask("GET", relay + System.getenv("SVG"), "Accept-Encoding", "gzip");
    final byte[] text = new GZIPInputStream(new ByteArrayInputStream(answer.body())).readAllBytes();
    report("gzip", field(answer, "content-encoding").equals("gzip") && new String(text).contains("<svg"), answer);
    answer = ask("GET", raw, "Range", "bytes=1000-1999");
    report("Range", answer.statusCode() == 206 && sum(answer.body()).equals(System.getenv("RANGE_SHA256")), answer);
    answer = ask("GET", raw);
    report("large", answer.statusCode() == 200 && sum(answer.body()).equals(System.getenv("RAW_SHA256")), answer);
    final String idle = System.getenv("IDLE");
    ask("GET", idle + health);
    System.out.println("idle");
    System.in.read();
    answer = ask("GET", idle + health);
    report("after the idle close", answer.statusCode() == 200, answer);
    answer = ask("POST", direct + image);
    report("POST", answer.statusCode() == 404 && new String(answer.body()).equals(" "), answer);
  }

  public static void main(String[] arguments) throws Exception {
    final String direct = System.getenv("DIRECT"), image = System.getenv("IMAGE");
    oneAfterAnother(direct, System.getenv("RELAY"), image);
    List<CompletableFuture<HttpResponse<byte[]>>> all = new ArrayList<>();
    for (int i = 0; i < PARALLEL; ++i) {
      all.add(client.sendAsync(request("GET", direct + image), BodyHandlers.ofByteArray()));
    }
    Set<String> seen = new HashSet<>();
    for (CompletableFuture<HttpResponse<byte[]>> one : all) {
      seen.add(one.join().statusCode() + " " + sum(one.join().body()));
    }
    report("parallel", seen.size() == 1 && seen.iterator().next().startsWith("200 "), seen);
    System.exit(0);
  }
}
