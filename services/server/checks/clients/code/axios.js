// Sends calls with axios.

const readline = require('node:readline')
const axios = require('axios')

// The answer as text, and no exception for a status.
const config = { validateStatus: () => true, transformResponse: body => body }

const send = {
  form: (url, fields) => axios.post(url, new URLSearchParams(fields), config),
  multipart: (url, fields) => axios.postForm(url, fields, config),
  json: (url, fields) => axios.post(url, fields, config),
  // For a text, axios sends the type of an HTML form.
  'json text': (url, fields) => axios.post(url, JSON.stringify(fields), config)
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { url, way, fields } = JSON.parse(line)
    const { status, data, headers } = await send[way](url, fields)
    console.log(JSON.stringify({ status, body: data, retry_after: headers['retry-after'] ?? null }))
  }
}

main()
