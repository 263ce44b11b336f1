"""One of Python's HTTP libraries against imgring: client.py LIBRARY. What it asks and prints is told in
../clients_test.py, which starts it."""

import asyncio
import concurrent.futures
import hashlib
import importlib
import os
import sys

DIRECT, RELAY, IDLE, HEALTH, IMAGE, SVG, RAW, RAW_SHA256, RANGE_SHA256 = (
    os.environ[name] for name in 'DIRECT RELAY IDLE HEALTH IMAGE SVG RAW RAW_SHA256 RANGE_SHA256'.split()
)
PARALLEL = 100
PLAIN = {'Accept-Encoding': 'identity'}


def report(name, good, seen=''):
    print('%s %s%s' % ('ok' if good else 'FAILED', name, '' if good else ': %r' % (seen,)), flush=True)


def same(name, bodies):
    report(name, len(bodies) == PARALLEL and len(set(bodies)) == 1 and bodies[0], [len(body) for body in bodies])


def one_after_another(ask):
    """`ask(method, url, headers)` gives status, headers with lower-case names, body."""
    seen = [ask('GET', RELAY + path, {})[0] for path in (HEALTH, IMAGE) * 10]
    report('reuse', seen == [200] * 20, seen)
    status, headers, body = ask('HEAD', RELAY + IMAGE, {})
    report('HEAD', (status, body, headers.get('content-length')) == (200, b'', '1'), (status, headers))
    status, headers, body = ask('GET', RELAY + IMAGE, {})
    report('ETag', status == 200 and headers.get('etag'), (status, headers))
    status, _, body = ask('GET', RELAY + IMAGE, {'If-None-Match': headers.get('etag', '')})
    report('304', (status, body) == (304, b''), status)
    status, headers, body = ask('GET', RELAY + SVG, {'Accept-Encoding': 'gzip'})
    good = status == 200 and b'<svg' in body and headers.get('content-encoding') == 'gzip'
    report('gzip', good, (status, headers, body[:20]))
    status, _, body = ask('GET', RELAY + RAW, {'Range': 'bytes=1000-1999'})
    report('Range', (status, hashlib.sha256(body).hexdigest()) == (206, RANGE_SHA256), (status, len(body)))
    status, _, body = ask('GET', RELAY + RAW, {})
    report('large', (status, hashlib.sha256(body).hexdigest()) == (200, RAW_SHA256), (status, len(body)))
    ask('GET', IDLE + HEALTH, {})
    print('idle', flush=True)
    sys.stdin.readline()
    status, _, body = ask('GET', IDLE + HEALTH, {})
    report('after the idle close', status == 200, status)
    status, _, body = ask('POST', DIRECT + IMAGE, {})
    report('POST', (status, body) == (404, b' '), (status, body))


def with_requests(requests):
    with requests.Session() as session:
        session.trust_env = False

        def ask(method, url, headers):
            answer = session.request(method, url, headers={**PLAIN, **headers}, timeout=60)
            return answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content

        one_after_another(ask)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        same('parallel', list(pool.map(lambda _: requests.get(DIRECT + IMAGE, timeout=60).content, range(PARALLEL))))


def with_httpx(httpx):
    with httpx.Client(timeout=60, trust_env=False) as client:

        def ask(method, url, headers):
            answer = client.request(method, url, headers={**PLAIN, **headers})
            return answer.status_code, dict(answer.headers), answer.content

        one_after_another(ask)

    async def many():
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            return await asyncio.gather(*(client.get(DIRECT + IMAGE) for _ in range(PARALLEL)))

    same('parallel', [answer.content for answer in asyncio.run(many())])


def with_aiohttp(aiohttp):
    loop = asyncio.new_event_loop()

    async def make():
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=PARALLEL))

    session = loop.run_until_complete(make())

    async def request(method, url, headers):
        async with session.request(method, url, headers={**PLAIN, **headers}) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read()

    one_after_another(lambda *what: loop.run_until_complete(request(*what)))

    async def many():
        return await asyncio.gather(*(request('GET', DIRECT + IMAGE, {}) for _ in range(PARALLEL)))

    same('parallel', [body for _, _, body in loop.run_until_complete(many())])
    loop.run_until_complete(session.close())


if __name__ == '__main__':
    USES = {'requests': with_requests, 'httpx': with_httpx, 'aiohttp': with_aiohttp}
    USES[sys.argv[1]](importlib.import_module(sys.argv[1]))
