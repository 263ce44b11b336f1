#!/usr/bin/env python3
"""An env file as somebody has it who runs imgproxy: 60 settings of all groups, older names, names of
the paid edition and of monitoring among them, with comments, quotes and substitutions.

    python3 tests/real/env_file_test.py     IMGRING names the program

imgring must start with it unchanged and do what it says; check-config must name each setting that
has no effect, and no other; print-config must say that each value came from the file.
"""

import base64
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile

import common

KEY, SALT = '943b421c9eb07c83', '520f986b998545b4'

# What a setting does here.
WORKS, OLDER, NO_EFFECT = 'works', 'an older name that is used', 'no effect'

# (line as it stands in the file, name, what it does, value as print-config shows it; None: not looked at)
SETTINGS = [
    # Server and limits
    ('IMGPROXY_BIND=127.0.0.1:0', WORKS, '127.0.0.1:0'),
    ('IMGPROXY_NETWORK=tcp4', WORKS, 'tcp4'),
    ('IMGPROXY_PATH_PREFIX=/img', WORKS, '/img'),
    ('IMGPROXY_MAX_CLIENTS=1024', WORKS, '1024'),
    ('IMGPROXY_TIMEOUT=20        # seconds', WORKS, '20'),
    ('IMGPROXY_KEEP_ALIVE_TIMEOUT="15"', WORKS, '15'),
    ('IMGPROXY_READ_TIMEOUT=12', OLDER, '12'),
    ('IMGPROXY_CONCURRENCY=2', OLDER, '2'),
    ('IMGPROXY_REQUESTS_QUEUE_SIZE=64', WORKS, '64'),
    ('IMGPROXY_DOWNLOAD_TIMEOUT=6', WORKS, '6'),
    ('IMGPROXY_TTL=86400 # a day', WORKS, '86400'),
    ('IMGPROXY_CACHE_CONTROL_PASSTHROUGH=false', WORKS, 'false'),
    ('IMGPROXY_SET_CANONICAL_HEADER=true', WORKS, 'true'),
    ('IMGPROXY_USE_ETAG=true', WORKS, 'true'),
    ("IMGPROXY_ETAG_BUSTER='2024-spring'", WORKS, '2024-spring'),
    ('IMGPROXY_ENABLE_DEBUG_HEADERS=t', WORKS, 't'),
    ('IMGPROXY_ALLOW_ORIGIN="*"', WORKS, '*'),
    ('IMGPROXY_HEALTH_CHECK_PATH=/ready', WORKS, '/ready'),
    ('IMGPROXY_FREE_MEMORY_INTERVAL=10', WORKS, '10'),
    ('IMGPROXY_DOWNLOAD_BUFFER_SIZE=65536', WORKS, '65536'),
    ('IMGPROXY_SERVER_NAME=pictures', WORKS, 'pictures'),
    (r'IMGPROXY_CUSTOM_RESPONSE_HEADERS="X-Served-By=${IMGPROXY_SERVER_NAME}\\;X-Kind=a"', WORKS, None),
    # Security, sources, URLs
    ('IMGPROXY_KEY=' + KEY, WORKS, None),
    ('export IMGPROXY_SALT=' + SALT, WORKS, None),
    ('IMGPROXY_SIGNATURE_SIZE=16', WORKS, '16'),
    ('IMGPROXY_MAX_SRC_RESOLUTION=75.5', WORKS, '75.5'),
    ('IMGPROXY_MAX_GIF_FRAMES=60', OLDER, '60'),
    ('IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES=true', WORKS, 'true'),
    ('IMGPROXY_ALLOWED_SOURCES=local://,https://*.example.com/', WORKS, None),
    ('IMGPROXY_URL_REPLACEMENTS=mycdn://=https://cdn.example.com/', WORKS, None),
    ('IMGPROXY_PRESETS=default=el:1,thumb=rs:fill:120:90/g:ce', WORKS, None),
    ('IMGPROXY_COOKIE_PASSTHROUGH=false', WORKS, 'false'),
    ('IMGPROXY_LOCAL_FILESYSTEM_ROOT=$PICTURES', WORKS, None),
    ('IMGPROXY_USE_S3=false', WORKS, 'false'),
    ('IMGPROXY_USE_GCS=true', NO_EFFECT, None),
    ('IMGPROXY_GCS_KEY=\'{"type": "service_account"}\'', NO_EFFECT, None),
    # Pictures
    ('IMGPROXY_QUALITY=82', WORKS, '82'),
    ('IMGPROXY_FORMAT_QUALITY=jpeg=81,webp=70,avif=50', WORKS, None),
    ('IMGPROXY_JPEG_PROGRESSIVE=true', WORKS, 'true'),
    ('IMGPROXY_AVIF_SPEED=9', WORKS, '9'),
    ('IMGPROXY_STRIP_METADATA=true', WORKS, 'true'),
    ('IMGPROXY_ENABLE_WEBP_DETECTION=1', OLDER, '1'),
    ('IMGPROXY_PREFERRED_FORMATS=jpeg,png,gif', WORKS, 'jpeg,png,gif'),
    # Of the paid edition
    ('IMGPROXY_AUTOQUALITY_METHOD=dssim', WORKS, None),
    ('IMGPROXY_AUTOQUALITY_TARGET=0.01', WORKS, None),
    ('IMGPROXY_BEST_FORMAT_BY_DEFAULT=true', WORKS, None),
    ('IMGPROXY_OBJECT_DETECTION_NET=/etc/net.onnx', NO_EFFECT, None),
    ('IMGPROXY_CACHE_USE=fs', NO_EFFECT, None),
    ('IMGPROXY_LICENSE_KEY=0000-1111', NO_EFFECT, None),
    # Monitoring, logs, error services
    ('IMGPROXY_PROMETHEUS_BIND=127.0.0.1:$METRICS_PORT', WORKS, None),
    ('IMGPROXY_PROMETHEUS_NAMESPACE=pics', WORKS, 'pics'),
    ('IMGPROXY_OPEN_TELEMETRY_ENABLE=true', NO_EFFECT, None),
    ('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317', NO_EFFECT, None),
    ('IMGPROXY_DATADOG_ENABLE=true', NO_EFFECT, None),
    ('DD_AGENT_HOST=127.0.0.1', NO_EFFECT, None),
    ('IMGPROXY_SENTRY_DSN=https://key@sentry.example.com/1', NO_EFFECT, None),
    ('IMGPROXY_REPORT_IO_ERRORS=true', NO_EFFECT, None),
    ('IMGPROXY_LOG_FORMAT=json', WORKS, 'json'),
    # What earlier releases had
    ('IMGPROXY_MAX_SRC_DIMENSION=8000', NO_EFFECT, None),
    ('IMGPROXY_MALLOC=jemalloc', NO_EFFECT, None),
]

SILENT = ('is not supported yet', 'has no effect')


def name_of(line):
    return line.removeprefix('export ').split('=')[0]


def signed(path):
    digest = hmac.new(bytes.fromhex(KEY), bytes.fromhex(SALT) + path.encode(), hashlib.sha256).digest()[:16]
    return '/img/' + base64.urlsafe_b64encode(digest).decode().rstrip('=') + path


def told(text):
    """{name: line} of what check-config says, by the first word behind its kind."""
    found = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(': ')
        if kind in ('warning', 'note', 'error') and rest.split(' ')[0] == rest.split(' ')[0].upper():
            found.setdefault(rest.split(' ')[0], rest)
    return found


def check_commands(checks, environment):
    done = subprocess.run(
        [common.program_path(), 'check-config'],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
    )
    checks.same('check-config calls it good', (done.returncode, 'the configuration is good' in done.stdout), (0, True))
    lines = told(done.stdout)
    for line, does, _ in SETTINGS:
        name = name_of(line)
        said = lines.get(name, '')
        if does == NO_EFFECT:
            checks.that('told that %s has no effect' % name, any(words in said for words in SILENT), said)
        elif does == OLDER:
            checks.that('told that %s is older' % name, 'is deprecated, use ' in said, said)
        elif said:
            checks.that('nothing to tell about ' + name, False, said)
    named = {name_of(line) for line, _, _ in SETTINGS}
    checks.same('nothing is told about settings that are not there', sorted(set(lines) - named), [])
    done = subprocess.run(
        [common.program_path(), 'print-config'],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
    )
    printed = {line.split('=')[0].strip(): line for line in done.stdout.splitlines()}
    wrong = []
    for line, does, value in SETTINGS:
        shown = printed.get(name_of(line), '')
        if does == WORKS and not ('file' in shown and (value is None or value in shown)):
            wrong.append(shown or name_of(line))
    checks.same('print-config shows every value, from the file', wrong, [])
    checks.that('print-config shows no secret', KEY not in done.stdout and SALT not in done.stdout)


def check_server(checks, folder, environment, metrics_port, picture):
    with common.Imgring(folder, environment) as server:
        refused = server.get('/img/wrong/pr:thumb/plain/local:///' + picture)
        checks.same('the keys count', (refused.status, refused.text()), (403, 'Forbidden'))
        answer = server.get(signed('/pr:thumb/plain/local:///' + picture), Accept='image/webp')
        facts = common.picture_facts(answer.body)
        checks.same('prefix, preset and detection of WebP', (answer.status,) + facts, (200, 'image/webp', 120, 90))
        checks.same('TTL', answer.headers['Cache-Control'], 'max-age=86400, public')
        checks.same('server name', answer.headers['Server'], 'pictures')
        checks.same('custom headers', (answer.headers['X-Served-By'], answer.headers['X-Kind']), ('pictures', 'a'))
        checks.same('CORS', answer.headers['Access-Control-Allow-Origin'], '*')
        checks.that('ETag buster', (answer.headers['ETag'] or '').startswith('"2024-spring/'), answer.headers['ETag'])
        checks.that('debug headers', answer.headers['X-Result-Width'] == '120', answer.headers['X-Result-Width'])
        refused = server.get(signed('/w:10/plain/https://elsewhere.test/a.jpg'))
        checks.same('allowed sources', (refused.status, refused.text()), (404, 'Invalid source URL'))
        checks.same('second health path', server.get('/img/ready').status, 200)
        metrics = common.get(metrics_port, '/metrics').text()
        checks.that('metrics under their namespace', 'pics_requests_total' in metrics, metrics[:80])
        checks.that('log lines are JSON', server.log_text().lstrip().startswith('{"time":'), server.log_text()[:80])
        log = server.log_text()
        checks.that('the log tells of a setting without effect', 'IMGPROXY_DATADOG_ENABLE is not supported yet' in log)
        checks.that('no secret is in the log', KEY not in log and SALT not in log)
    checks.same('it ends well', server.process.returncode, 0)


def main():
    checks = common.Checks()
    checks.same('settings in the file', len({name_of(line) for line, _, _ in SETTINGS}), 60)
    with tempfile.TemporaryDirectory() as folder:
        path, _ = common.photo(folder)
        pictures = os.path.join(folder, 'pictures')
        os.mkdir(pictures)
        picture = os.path.basename(path)
        with open(os.path.join(pictures, picture), 'wb') as file:
            file.write(common.read_bytes(path))
        env_file = os.path.join(folder, 'imgproxy.env')
        with open(env_file, 'w') as file:
            file.write('# imgproxy, production\n\n' + '\n'.join(line for line, _, _ in SETTINGS) + '\n')
        metrics_port = common.free_port()
        environment = common.clean_environment(
            IMGPROXY_ENV_LOCAL_FILE_PATH=env_file, PICTURES=pictures, METRICS_PORT=str(metrics_port)
        )
        check_commands(checks, environment)
        check_server(checks, folder, environment, metrics_port, picture)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())
