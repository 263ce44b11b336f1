-- Drives wrk through exactly N requests over a list of paths, then stops it.
--
--   wrk -t1 -cC -d600s -s requests.lua URL -- N C FILE_OF_PATHS
--
-- wrk asks delay() before each request of each connection. After N grants a connection waits for
-- ever; when all C of them ask in vain, the last answer is in. wrk's main thread sleeps for the
-- whole of -d unless a signal wakes it, so it gets one. One JSON line says what happened.
local ffi = require("ffi")
ffi.cdef [[
  int getpid(void);
  long syscall(long number, ...);
  struct imgring_time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct imgring_time* now);
]]
local SYS_tgkill = ffi.arch == "arm64" and 131 or 234
local SIGINT = 2

local total, connections, granted, sent
local paths = {}
local threads = {}

local function now()
  local time = ffi.new("struct imgring_time")
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  total, connections = tonumber(args[1]), tonumber(args[2])
  granted, sent = 0, 0
  for line in io.lines(args[3]) do
    paths[#paths + 1] = wrk.format("GET", line)
  end
end

function delay()
  granted = granted + 1
  if granted == 1 then started = now() end
  if granted == total + connections then
    took = now() - started  -- wrk itself only looks at the clock ten times a second
    local pid = ffi.C.getpid()
    ffi.C.syscall(SYS_tgkill, ffi.cast("long", pid), ffi.cast("long", pid), ffi.cast("long", SIGINT))
  end
  return granted <= total and 0 or 3600 * 1000
end

function request()
  sent = sent + 1
  return paths[(sent - 1) % #paths + 1]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "errors": %d}\n',
    summary.requests, threads[1]:get("took") or summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
