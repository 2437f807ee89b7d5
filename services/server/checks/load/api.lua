-- A client of the API, for wrk.
--
-- usage: wrk ... -s api.lua URL -- FIELDS [ADDRESS...]
--
-- FIELDS is the body. Each `#` in it becomes a random number. ADDRESS is what X-Forwarded-For says; `*` is
-- another random address for each call. The last line of the output is what was measured, in JSON.

local threads = {}

function setup(thread)
    thread:set("id", #threads)
    table.insert(threads, thread)
end

function init(arguments)
    math.randomseed(os.time() * 1000 + id)
    fields, address = arguments[1], arguments[2]
    fixed = nil
    if not fields:find("#") and address ~= "*" then
        fixed = next_request()
    end
end

function next_request()
    local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
    if address == "*" then
        local part = function() return math.random(0, 255) end
        headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", part(), part(), part())
    elseif address then
        headers["X-Forwarded-For"] = address
    end
    local body = fields:gsub("#", function() return tostring(math.random(1, 1e9)) end)
    return wrk.format("POST", path, headers, body)
end

function request()
    return fixed or next_request()
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('\n{"calls":%d,"seconds":%.3f,"p50":%.3f,"p99":%.3f,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
