// Calls a running service with the Node clients: every way to authenticate, accepted and refused.
//
// usage: clients.js URL GUARDED_URL
//
// The second service lists no address of this machine, so a call needs the access key.

const assert = require('node:assert')
const { promisify } = require('node:util')
const Whmcs = require('whmcs')
const WhmcsApi = require('whmcs-api')
const { Clients, Orders } = require('whmcs-js')

const identifier = 'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv'
const secret = 'F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'
const md5 = '5f4dcc3b5aa765d61d8327deb882cf99'
const accesskey = 'key#1+2'

const [url, guarded] = process.argv.slice(2).map(base => `${base}/includes/api.php`)

function check (what, got, expected) {
  assert.deepStrictEqual(got, expected, what)
  console.log(`${what}: ${JSON.stringify(got)}`)
}

async function throughWhmcs () {
  const name = 'whmcs 1.2.2'
  const product = (serverUrl, username, password, apiKey) => {
    const client = new Whmcs({ serverUrl, username, password, apiKey })
    const ask = promisify(client.products.getProduct.bind(client.products))
    return ask(1).then(answer => answer.products.product.map(product => product.name), error => error.message)
  }
  const starter = ['Starter']
  check(`${name}, an admin and the md5`, await product(url, 'admin', md5), starter)
  check(`${name}, the pair as username and password`, await product(url, identifier, secret), starter)
  check(`${name}, access key`, await product(guarded, 'admin', md5, accesskey), starter)
  const failed = 'WHMCS Error (403): Authentication Failed'
  check(`${name}, the password itself`, await product(url, 'admin', 'password'), failed)
  check(`${name}, a wrong secret`, await product(url, identifier, 'wrong'), failed)
  const invalid = 'WHMCS Error (403): Invalid IP 127.0.0.1'
  check(`${name}, a wrong access key`, await product(guarded, 'admin', md5, 'x'), invalid)
}

async function throughWhmcsApi () {
  const name = 'whmcs-api 1.5.5 (GET)'
  const total = (endpoint, credentials) => {
    const client = new WhmcsApi({ endpoint, responsetype: 'json', ...credentials })
    return client.call('GetClients', { limitnum: 1 }).then(answer => answer.totalresults, error => error.message)
  }
  check(`${name}, identifier and secret`, await total(url, { identifier, secret }), 30)
  check(`${name}, the pair as username and password`, await total(url, { username: identifier, password: secret }), 30)
  check(`${name}, an admin and the md5`, await total(url, { username: 'admin', password: md5 }), 30)
  check(`${name}, access key`, await total(guarded, { identifier, secret, accesskey }), 30)
  const failed = 'Authentication Failed'
  check(`${name}, a wrong secret`, await total(url, { identifier, secret: 'wrong' }), failed)
  check(`${name}, the password itself`, await total(url, { username: 'admin', password: 'password' }), failed)
  check(`${name}, a wrong secret as password`, await total(url, { username: identifier, password: 'wrong' }), failed)
  const invalid = 'Invalid IP 127.0.0.1'
  check(`${name}, no access key`, await total(guarded, { identifier, secret }), invalid)
  check(`${name}, a wrong access key`, await total(guarded, { identifier, secret, accesskey: 'x' }), invalid)
}

async function throughWhmcsJs () {
  const name = 'whmcs-js 2.0.1'
  const clients = (serverUrl, credentials) =>
    new Clients({ serverUrl, ...credentials }).getClients({ search: 'a+b@example.com' })
  for (const [way, credentials] of [
    ['identifier and secret', { identifier, secret }],
    ['the pair as username and password', { username: identifier, password: secret }],
    ['an admin and the md5', { username: 'admin', password: md5 }]
  ]) {
    const { clients: { client } } = await clients(url, credentials)
    check(`${name}, ${way}`, client.map(client => client.id), [2])
  }
  const products = await new Orders({ serverUrl: url, identifier, secret }).getProducts({ pid: '1,3' })
  check(`${name}, products`, products.products.product.map(product => product.pid), [1, 3])
  const { clients: { client } } = await clients(guarded, { identifier, secret, accesskey })
  check(`${name}, access key`, client.map(client => client.id), [2])

  const error = message => ({ result: 'error', message })
  const failed = error('Authentication Failed')
  check(`${name}, a wrong secret`, await clients(url, { identifier, secret: 'wrong' }), failed)
  check(`${name}, the password itself`, await clients(url, { username: 'admin', password: 'password' }), failed)
  const swapped = { username: identifier, password: 'wrong' }
  check(`${name}, a wrong secret as password`, await clients(url, swapped), failed)
  const invalid = error('Invalid IP 127.0.0.1')
  check(`${name}, no access key`, await clients(guarded, { identifier, secret }), invalid)
  check(`${name}, a wrong access key`, await clients(guarded, { identifier, secret, accesskey: 'x' }), invalid)
  const empty = { identifier, secret, username: '', password: '', accesskey: '' }
  check(`${name}, unused fields empty`, (await clients(url, empty)).result, 'success')
}

throughWhmcs().then(throughWhmcsApi).then(throughWhmcsJs).catch(error => {
  console.error(error)
  process.exit(1)
})
