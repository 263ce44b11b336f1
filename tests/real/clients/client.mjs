// fetch of Node against imgring: what it asks and prints is told in ../clients_test.py, which starts it.
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { once } from 'node:events';

const { DIRECT, RELAY, IDLE, HEALTH, IMAGE, SVG, RAW, RAW_SHA256, RANGE_SHA256 } = process.env;
const PARALLEL = 100;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function report(name, good, seen) {
  console.log(`${good ? 'ok' : 'FAILED'} ${name}${good ? '' : ': ' + JSON.stringify(seen)}`);
}

async function ask(method, url, headers = {}) {
  const answer = await fetch(url, { method, headers });
  return [answer.status, answer.headers, Buffer.from(await answer.arrayBuffer())];
}

const statuses = [];
for (let i = 0; i < 10; ++i) {
  for (const path of [HEALTH, IMAGE]) statuses.push((await ask('GET', RELAY + path))[0]);
}
report('reuse', statuses.length === 20 && statuses.every((status) => status === 200), statuses);
let [status, headers, body] = await ask('HEAD', RELAY + IMAGE);
report('HEAD', status === 200 && body.length === 0 && headers.get('content-length') === '1', status);
[status, headers, body] = await ask('GET', RELAY + IMAGE);
const etag = headers.get('etag');
report('ETag', status === 200 && etag, [status, etag]);
[status, , body] = await ask('GET', RELAY + IMAGE, { 'If-None-Match': etag });
report('304', status === 304 && body.length === 0, status);
[status, headers, body] = await ask('GET', RELAY + SVG, { 'Accept-Encoding': 'gzip' });
report('gzip', status === 200 && headers.get('content-encoding') === 'gzip' && body.includes('<svg'), status);
[status, , body] = await ask('GET', RELAY + RAW, { Range: 'bytes=1000-1999' });
report('Range', status === 206 && sha256(body) === RANGE_SHA256, [status, body.length]);
[status, , body] = await ask('GET', RELAY + RAW);
report('large', status === 200 && sha256(body) === RAW_SHA256, [status, body.length]);
await ask('GET', IDLE + HEALTH);
console.log('idle');
await once(process.stdin, 'data');
process.stdin.destroy();
[status] = await ask('GET', IDLE + HEALTH);
report('after the idle close', status === 200, status);
[status, , body] = await ask('POST', DIRECT + IMAGE, {});
report('POST', status === 404 && body.toString() === ' ', [status, body.toString()]);
const answers = await Promise.all(Array.from({ length: PARALLEL }, () => ask('GET', DIRECT + IMAGE)));
const sums = new Set(answers.map(([, , bytes]) => sha256(bytes)));
report('parallel', sums.size === 1 && answers[0][2].length > 0, [...sums]);
// node:http, another library in the same program: its parser is llhttp.
const answer = await new Promise((done, failed) => {
  request(DIRECT + IMAGE, (response) => {
    let size = 0;
    response.on('data', (piece) => { size += piece.length; });
    response.on('end', () => done([response.statusCode, size]));
  }).on('error', failed).end();
});
report('node:http', answer[0] === 200 && answer[1] === answers[0][2].length, answer);
