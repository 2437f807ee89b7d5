// Each target on the standard input, JSON on a line, must stay on the site for Node's URL. Given the URL
// standard's test data, what the data says of those targets must agree.

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

let told = 0;
if (process.argv[2]) {
  const among = new Set(targets);
  for (const { input, base, href } of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {
    if (among.has(input) && /^https?:/.test(base)) {
      told += 1;
      if (!href || new URL(href).origin !== new URL(base).origin) {
        console.log(`leaves the site by the data: ${JSON.stringify(input)}`);
        process.exit(1);
      }
    }
  }
  if (told === 0) {
    console.log('the data says nothing of them');
    process.exit(1);
  }
}
console.log(`${targets.length} stay on the site, ${told} of them by the data`);
