#!/usr/bin/env python3
"""Sources whose TLS is old: GnuTLS's server without secure renegotiation (RFC 5746), as old load
balancers are. TLS 1.2 connects; what is refused for other reasons stays refused.

    python3 tests/real/old_tls_test.py     IMGRING names the program
"""

import os
import shutil
import sys
import tempfile

import certificates
import common

TLS_12 = 'NORMAL:-VERS-ALL:+VERS-TLS1.2'
# (what, priorities of the server, status): raw pages of gnutls-serv itself.
SERVERS = [
    ('TLS 1.2 with secure renegotiation', TLS_12, 200),
    ('TLS 1.2 without it', TLS_12 + ':%DISABLE_SAFE_RENEGOTIATION', 200),
    ('TLS 1.2 that would renegotiate unsafely', TLS_12 + ':%UNSAFE_RENEGOTIATION', 200),
    ('either version without it', 'NORMAL:%DISABLE_SAFE_RENEGOTIATION', 200),
    ('TLS 1.1 alone', 'NORMAL:-VERS-ALL:+VERS-TLS1.1:+SHA1:%DISABLE_SAFE_RENEGOTIATION', 404),
]


def serve(folder, pair, priorities):
    certificate, key = pair
    port = common.free_port()
    server = common.Process(
        [
            'gnutls-serv',
            '--http',
            '--port',
            str(port),
            '--x509certfile',
            certificate,
            '--x509keyfile',
            key,
            '--priority',
            priorities,
        ],
        common.clean_environment(),
        os.path.join(folder, 'gnutls-%d.log' % port),
    )
    if (
        not common.wait_for(lambda: common.listens(port) or not server.running(), common.START_LIMIT_S)
        or not server.running()
    ):
        raise RuntimeError('gnutls-serv did not start: ' + server.log_text()[-400:])
    return server, port


def main():
    if not certificates.available() or not shutil.which('gnutls-serv'):
        common.say('openssl or gnutls-serv is missing; ./tools/setup --tests installs them')
        return common.CANNOT_RUN
    checks = common.Checks()
    with tempfile.TemporaryDirectory() as folder:
        authority = certificates.Authority(folder)
        pair = authority.server('localhost')
        stranger = certificates.Authority(folder, 'unknown').server('stranger')
        with common.Imgring(folder, SSL_CERT_FILE=authority.file, IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT='0') as imgring:
            for what, priorities, status in SERVERS:
                server, port = serve(folder, pair, priorities)
                with server:
                    seen = [imgring.image('raw:1', 'https://localhost:%d/' % port).status for _ in range(3)]
                checks.same(what, seen, [status] * 3)
            server, port = serve(folder, stranger, TLS_12 + ':%DISABLE_SAFE_RENEGOTIATION')
            with server:
                seen = imgring.image('raw:1', 'https://localhost:%d/' % port).status
            checks.same('one that nobody vouches for', seen, 404)
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())
