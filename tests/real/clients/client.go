// net/http of Go against imgring: what it asks and prints is told in ../clients_test.py, which starts it.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

const parallel = 100

// Nothing is unpacked behind our back.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: parallel}}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func report(name string, good bool, seen ...any) {
	if good {
		fmt.Println("ok", name)
	} else {
		fmt.Println("FAILED", name+":", fmt.Sprint(seen...))
	}
}

func ask(method, url string, body io.Reader, fields ...string) answer {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	bytes, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, bytes, err}
}

func sum(body []byte) string {
	digest := sha256.Sum256(body)
	return hex.EncodeToString(digest[:])
}

func unpacked(body []byte) string {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func oneAfterAnother(direct, relay, idle, health, image string) {
	good, last := true, answer{}
	for i := 0; i < 10 && good; i++ {
		for _, path := range []string{health, image} {
			last = ask("GET", relay+path, nil)
			good = good && last.status == 200 && last.err == nil
		}
	}
	report("reuse", good, last)
	head := ask("HEAD", relay+image, nil)
	report("HEAD", head.status == 200 && len(head.body) == 0 && head.header.Get("Content-Length") == "1", head)
	whole := ask("GET", relay+image, nil)
	etag := whole.header.Get("Etag")
	report("ETag", whole.status == 200 && etag != "", whole.status, whole.err)
	same := ask("GET", relay+image, nil, "If-None-Match", etag)
	report("304", same.status == 304 && len(same.body) == 0, same)
	packed := ask("GET", relay+os.Getenv("SVG"), nil, "Accept-Encoding", "gzip")
	report("gzip", packed.status == 200 && packed.header.Get("Content-Encoding") == "gzip" &&
		strings.Contains(unpacked(packed.body), "<svg"), packed.status, packed.header)
	part := ask("GET", relay+os.Getenv("RAW"), nil, "Range", "bytes=1000-1999")
	report("Range", part.status == 206 && sum(part.body) == os.Getenv("RANGE_SHA256"), part.status, part.header)
	large := ask("GET", relay+os.Getenv("RAW"), nil)
	report("large", large.status == 200 && sum(large.body) == os.Getenv("RAW_SHA256"), large.status, large.err)
	ask("GET", idle+health, nil)
	fmt.Println("idle")
	bufio.NewReader(os.Stdin).ReadString('\n')
	again := ask("GET", idle+health, nil)
	report("after the idle close", again.status == 200, again)
	post := ask("POST", direct+image, strings.NewReader("body"), "Expect", "100-continue")
	report("POST", post.status == 404 && string(post.body) == " ", post)
}

func main() {
	direct, image := os.Getenv("DIRECT"), os.Getenv("IMAGE")
	oneAfterAnother(direct, os.Getenv("RELAY"), os.Getenv("IDLE"), os.Getenv("HEALTH"), image)
	sums := make([]string, parallel)
	var group sync.WaitGroup
	for i := range sums {
		group.Add(1)
		go func() {
			defer group.Done()
			got := ask("GET", direct+image, nil)
			sums[i] = fmt.Sprint(got.status, got.err, sum(got.body))
		}()
	}
	group.Wait()
	good := strings.HasPrefix(sums[0], "200 ")
	for _, one := range sums {
		good = good && one == sums[0]
	}
	report("parallel", good, sums)
}
