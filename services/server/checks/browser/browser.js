// Visits the pages of a running service with Chromium, as a visitor and as a foreign page.
//
// usage: browser.js URL            the service must have the AutoAuth key abcXYZ123, --one-time-links and
//                                  --max-failures 20
//        browser.js --bridge URL   a bridge with the key abcXYZ123, whose WHMCS does not answer
//        browser.js --weak         the control: a service that redirects to any `goto`

const assert = require('node:assert')
const { createHash } = require('node:crypto')
const http = require('node:http')
const { chromium } = require('playwright-core')

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const identifier = 'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv'
const secret = 'F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'

// The timestamp of the next link. The service accepts each link only once, so no two have the same. It accepts links
// that were made after its start, up to 120 seconds ahead.
let next = Math.floor(Date.now() / 1000) + 1

function link (base, { email = 'demo@whmcs.com', goto, key = 'abcXYZ123', timestamp = next++ } = {}) {
  const hash = createHash('sha1').update(`${email}${timestamp}${key}`).digest('hex')
  const query = new URLSearchParams({ email, timestamp, hash })
  if (goto !== undefined) query.set('goto', goto)
  return `${base}/dologin.php?${query}`
}

async function call (base, fields) {
  const body = new URLSearchParams({ identifier, secret, responsetype: 'json', ...fields })
  return (await fetch(`${base}/includes/api.php`, { method: 'POST', body })).json()
}

function listen (handler) {
  const server = http.createServer(handler)
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve([server, server.address().port])))
}

function pass (what) { console.log(`ok  ${what}`) }

// Opens pages in a new profile. Fails on every error in the console, except that Chromium also writes the
// status of a refused page there.
async function visitor (browser, work, options = {}) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const errors = []
  page.on('console', message => {
    const isOwnStatus = message.location().url === page.url() && message.text().includes('the server responded with a status of')
    if (message.type() === 'error' && !isOwnStatus) errors.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', error => errors.push(String(error)))
  page.on('requestfailed', request => {
    const { errorText } = request.failure()
    // The next page ends what the last one was still loading.
    if (errorText !== 'net::ERR_ABORTED') errors.push(`${request.url()} ${errorText}`)
  })
  await work(page, context)
  assert.deepStrictEqual(errors, [], 'errors in the console')
  await context.close()
}

// What is seen: status, heading, and that nothing is wider than the window.
async function see (page, response, status, heading, ...texts) {
  assert.strictEqual(response.status(), status, page.url())
  assert.strictEqual(await page.locator('h1').innerText(), heading)
  assert.strictEqual(await page.title(), heading)
  assert.strictEqual(await page.locator('h1').count(), 1)
  assert.strictEqual(await page.locator('html').getAttribute('lang'), 'en')
  const main = await page.locator('main').innerText()
  for (const text of texts) assert.ok(main.includes(text), `${text}: ${main}`)
  const [content, width, isStyled] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, window.innerWidth, getComputedStyle(document.querySelector('main')).borderTopWidth])
  assert.ok(content <= width, `${page.url()} is ${content} pixels wide`)
  assert.strictEqual(isStyled, '1px', 'the style sheet counts')
  assert.ok(await contrast(page) >= 4.5, `contrast on ${page.url()}`)
  return main
}

// The lowest contrast of a text to its background, as WCAG 2 computes it.
function contrast (page) {
  return page.evaluate(() => {
    const rgb = text => text.match(/[\d.]+/g).map(Number)
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
      .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0)
    const ground = element => {
      for (let at = element; at; at = at.parentElement) {
        const color = rgb(getComputedStyle(at).backgroundColor)
        if (color.length === 3 || color[3] === 1) return color
      }
      return [255, 255, 255]
    }
    const ratios = [...document.querySelectorAll('header a, h1, p, dt, dd, button, .next')].map(element => {
      const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))]
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    })
    return Math.min(...ratios)
  })
}

const windows = [
  ['a light window', { viewport: { width: 1000, height: 700 }, colorScheme: 'light' }],
  ['a dark phone', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }]
]

async function aVisit (browser, base) {
  for (const [name, options] of windows) {
    await visitor(browser, async (page, context) => {
      const demo = 'Demo Client (demo@whmcs.com)'
      const open = url => page.goto(url)
      await see(page, await open(`${base}/`), 200, 'You are not logged in', 'Open the login link that you received')
      await see(page, await open(`${base}/clientarea.php`), 403, 'You are not logged in')
      const genuine = link(base, { goto: 'clientarea.php?action=services' })
      await see(page, await open(genuine), 200, 'Client area', demo, 'Example Ltd')
      assert.strictEqual(page.url(), `${base}/clientarea.php?action=services`)
      const [cookie, ...others] = await context.cookies()
      assert.deepStrictEqual([cookie.httpOnly, cookie.sameSite, others.length], [true, 'Lax', 0])
      assert.strictEqual(cookie.path, new URL(base).pathname)

      const used = await see(page, await open(genuine), 403, 'You could not be logged in',
        'This login link was used before', `You are still logged in as ${demo}.`)
      assert.ok(!used.includes('expired'), used)
      await page.getByText('Go to the client area').click()
      assert.strictEqual(page.url(), `${base}/clientarea.php`)
      await see(page, await open(link(base, { timestamp: 1700000000 })), 403, 'You could not be logged in',
        'This login link has expired.', 'Ask for a new link')
      await see(page, await open(link(base, { key: 'x' })), 403, 'You could not be logged in',
        'This login link is not valid.', 'Open the whole link')
      await see(page, await open(`${base}/viewinvoice.php?id=12`), 404, 'Page not found', `You are still logged in as ${demo}.`)

      // The header leads back, and logging out asks first.
      await page.locator('header a').click()
      assert.strictEqual(page.url(), `${base}/clientarea.php`)
      await page.getByText('Log out').click()
      await see(page, await page.reload(), 200, 'Log out?', demo)
      await page.getByRole('link', { name: 'Stay logged in' }).click()
      await page.getByText('Log out').click()
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.getByText('You can close this page').waitFor()
      assert.deepStrictEqual(await context.cookies(), [])
      await see(page, await open(`${base}/clientarea.php`), 403, 'You are not logged in')

      const token = await call(base, { action: 'CreateSsoToken', client_id: 2, destination: 'clientarea:invoices' })
      await see(page, await open(token.redirect_url), 200, 'Client area', 'Ada Plus (a+b@example.com)')
      assert.strictEqual(page.url(), `${base}/clientarea.php?action=invoices`)
      await see(page, await open(token.redirect_url), 403, 'You could not be logged in', 'This login link is not valid.')
    }, options)
    pass(`a visit in ${name}: ${base}`)
  }
}

// A page of another site can neither lock a visitor out, nor log in, nor log out.
async function aForeignPage (browser, base) {
  let body = ''
  const [server, port] = await listen((_, answer) => answer.setHeader('content-type', 'text/html').end(body))
  const foreign = `http://localhost:${port}/`
  await visitor(browser, async (page, context) => {
    const paths = at => at < 8 ? `${base}/dologin.php` : link(base, { key: 'x' })
    const images = [...Array(30).keys()].map(at => `<img src="${paths(at).replaceAll('&', '&amp;')}">`)
    const frame = `<iframe src="${link(base).replaceAll('&', '&amp;')}"></iframe><img src="${base}/logout.php">`
    const session = async () => (await context.cookies(base)).map(cookie => cookie.value)
    body = images.join('') + frame
    // The refused images are errors in the console of the foreign page.
    page.removeAllListeners('console').removeAllListeners('requestfailed')
    await page.goto(foreign)
    await page.waitForLoadState('networkidle')
    assert.deepStrictEqual(await session(), [], 'nobody was logged in')
    assert.strictEqual((await call(base, { action: 'GetClients' })).result, 'success')
    await see(page, await page.goto(link(base)), 200, 'Client area')
    const before = await session()
    assert.strictEqual(before.length, 1)

    body = `<form method="post" action="${base}/logout.php"><button>x</button></form>`
    await page.goto(foreign)
    await Promise.all([page.waitForURL(`${base}/logout.php`), page.locator('button').click()])
    assert.ok((await page.locator('main').innerText()).includes('Another site asked to log you out.'))
    assert.deepStrictEqual(await session(), before)
    await see(page, await page.goto(`${base}/clientarea.php`), 200, 'Client area')
  })
  server.close()
  pass(`a foreign page: ${base}`)
}

const hostile = [
  'https://evil.example/', 'http:evil.example', 'HTTPS://evil.example', '//evil.example', '///evil.example', '////evil.example/x',
  '/\\evil.example', '\\\\evil.example', '\\/evil.example', '/\t/evil.example', '/\n/evil.example', '/%09/evil.example',
  '%2f%2fevil.example', '/%2f/evil.example', '%5c%5cevil.example', 'javascript:alert(1)', 'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)', '\x01javascript:alert(1)', 'java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', 'blob:x', 'file:///etc/passwd',
  'mailto:x@evil.example', '.evil.example', '@evil.example', ':80@evil.example', 'x:y@evil.example/', '//evil.example/..',
  '/..//evil.example', '/.//evil.example', './/evil.example', '..//evil.example', '/;//evil.example', '/x/..//evil.example',
  'evil\u3002example', '//evil\u3002example', '\uff0f\uff0fevil.example', '/\u0000/evil.example', 'x\r\nLocation: https://evil.example',
  'x\r\nSet-Cookie: session=x', '?https://evil.example', '#//evil.example', '<script>', '"onload=x', '[::1]', '/[evil.example]',
  'index.php?next=https://evil.example', 'logout.php', '/logout.php', 'LOGOUT.php?x', 'dologin.php?email=x', '/x//logout.php',
  'oauth/singlesignon.php?access_token=x', 'includes/api.php', '', ' ', 'x'.repeat(2048)
]

// Whatever `goto` is, the visitor ends on this site, logged in, and nothing acts.
async function theGotoTable (browser, base, makeLink) {
  await visitor(browser, async (page, context) => {
    // The service has no pages but its own, and the console shows their status.
    page.removeAllListeners('console').removeAllListeners('requestfailed')
    for (const goto of hostile) {
      const failed = error => assert.fail(`${JSON.stringify(goto)} left the site: ${error.message}`)
      await page.goto(makeLink(goto)).catch(failed)
      const url = new URL(page.url())
      assert.strictEqual(url.origin, new URL(base).origin, `${JSON.stringify(goto)} left the site: ${url}`)
      assert.ok(!/logout|dologin|singlesignon|api\.php/i.test(url.pathname), `${JSON.stringify(goto)} acts: ${url}`)
      assert.strictEqual((await context.cookies(base)).length, 1, goto)
    }
  })
  pass(`${hostile.length} hostile goto values: ${base}`)
}

// Last, because the address is then locked out of links for a minute.
async function tooManyFailures (browser, base) {
  for (const [name, options] of windows) {
    await visitor(browser, async page => {
      let response
      for (let at = 0; at < 22; at++) response = await page.goto(link(base, { key: 'x', timestamp: next }))
      const main = await see(page, response, 429, 'Please wait a moment', 'This one was not checked.')
      const seconds = response.headers()['retry-after']
      assert.ok(main.includes(`in ${seconds} seconds`), main)
      assert.strictEqual((await call(base, { action: 'GetClients' })).result, 'success', 'the API is not locked')
    }, options)
    pass(`too many failures in ${name}: ${base}`)
  }
}

async function theBridge (browser, base) {
  for (const [name, options] of windows) {
    await visitor(browser, async page => {
      const forged = await page.goto(link(base, { key: 'x' }))
      await see(page, forged, 403, 'You could not be logged in', 'This login link is not valid.', 'Open the whole link')
      await see(page, await page.goto(link(base)), 503, 'Not available now', 'Please try again later.')
    }, options)
    pass(`the pages of the bridge in ${name}: ${base}`)
  }
}

async function main () {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
  try {
    if (process.argv[2] === '--weak') {
      const [server, port] = await listen((request, answer) => {
        const goto = new URL(request.url, 'http://x').searchParams.get('goto')
        answer.setHeader('set-cookie', 'session=x')
        if (goto) answer.writeHead(302, { location: encodeURI(goto) })
        answer.end('<link rel="icon" href="data:,">')
      })
      const base = `http://127.0.0.1:${port}`
      await theGotoTable(browser, base, goto => link(base, { goto })).finally(() => server.close())
      return
    }
    if (process.argv[2] === '--bridge') return await theBridge(browser, process.argv[3])
    const [base] = process.argv.slice(2)
    await aVisit(browser, base)
    await aForeignPage(browser, base)
    await theGotoTable(browser, base, goto => link(base, { goto }))
    await tooManyFailures(browser, base)
  } finally {
    await browser.close()
  }
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
