// Reads targets, one a line, in JSON. Each must stay on the site as Node's URL reads it.
//
// usage: same_origin.js [FILE]
//
// FILE is the URL standard's test data. The result that it gives for such a target must stay on the site, too.

const fs = require('node:fs');

const targets = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const bases = ['https://billing.example.com/whmcs/dologin.php?email=a', 'http://127.0.0.1:8080/'];
for (const target of targets) {
  for (const base of bases) {
    const url = URL.canParse(target, base) && new URL(target, base);
    if (!url || url.origin !== new URL(base).origin || url.username || url.password) {
      console.log(`leaves the site: ${JSON.stringify(target)}`);
      process.exit(1);
    }
  }
}

let found = 0;
if (process.argv[2]) {
  const among = new Set(targets);
  for (const { input, base, href } of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {
    if (among.has(input) && /^https?:/.test(base)) {
      found += 1;
      if (!href || new URL(href).origin !== new URL(base).origin) {
        console.log(`leaves the site, says the data: ${JSON.stringify(input)}`);
        process.exit(1);
      }
    }
  }
  if (found === 0) {
    console.log('the data holds none of the targets');
    process.exit(1);
  }
}
console.log(`${targets.length} targets stay on the site; the data agrees on ${found}`);
