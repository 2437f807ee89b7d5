// Sends calls with Node's fetch.

const readline = require('node:readline')

function multipart (fields) {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.append(name, value)
  return data
}

const options = {
  form: fields => ({ body: new URLSearchParams(fields) }),
  multipart: fields => ({ body: multipart(fields) }),
  json: fields => ({ body: JSON.stringify(fields), headers: { 'Content-Type': 'application/json' } }),
  'json text': fields => ({ body: JSON.stringify(fields) })
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { url, way, fields } = JSON.parse(line)
    const answer = await fetch(url, { method: 'POST', ...options[way](fields) })
    const body = await answer.text()
    console.log(JSON.stringify({ status: answer.status, body, retry_after: answer.headers.get('retry-after') }))
  }
}

main()
