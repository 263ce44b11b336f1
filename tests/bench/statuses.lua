-- Drives wrk over a list of paths for as long as -d says, and counts answers by status.
--
--   wrk -t1 -cC -dT -s statuses.lua URL -- FILE_OF_PATHS
--
-- A connection that was refused waits 0.2 s before it asks again; one JSON line at the end.
local paths, sent = {}, 0
local threads = {}
statuses = {}
refused = false

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  for line in io.lines(args[1]) do
    paths[#paths + 1] = wrk.format("GET", line)
  end
end

function delay()
  if not refused then return 0 end
  refused = false
  return 200
end

function request()
  sent = sent + 1
  return paths[(sent - 1) % #paths + 1]
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  refused = status == 503
end

function done(summary, latency, requests)
  local counts = {}
  for status, count in pairs(threads[1]:get("statuses")) do
    counts[#counts + 1] = string.format('"%d": %d', status, count)
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "connect": %d, "read": %d, "write": %d, '
    .. '"timeout": %d, "statuses": {%s}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect, errors.read, errors.write, errors.timeout, table.concat(counts, ", ")))
end
