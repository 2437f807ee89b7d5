-- Sends the lines of a file in turn, as queries of GET or as forms of POST.
--
-- usage: wrk ... -s walk.lua URL -- GET|POST FILE
function init(arguments)
    local method, file = arguments[1], arguments[2]
    local form = { ["Content-Type"] = "application/x-www-form-urlencoded" }
    requests, last = {}, 0
    for line in io.lines(file) do
        local is_get = method == "GET"
        local request = is_get and wrk.format("GET", wrk.path .. "?" .. line) or wrk.format("POST", nil, form, line)
        table.insert(requests, request)
    end
end

function request()
    last = last % #requests + 1
    return requests[last]
end
