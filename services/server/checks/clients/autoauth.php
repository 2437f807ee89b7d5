<?php
// Makes AutoAuth links as the vendor's documentation says, and opens them at a running service.
//
// usage: autoauth.php URL

$base = $argv[1];
$key = 'abcXYZ123';

function check(string $what, mixed $got, mixed $expected): void
{
    if ($got !== $expected) {
        fwrite(STDERR, "$what: " . var_export($got, true) . ', expected ' . var_export($expected, true) . "\n");
        exit(1);
    }
    echo "$what: " . json_encode($got, JSON_UNESCAPED_SLASHES) . "\n";
}

/** Like the vendor's sample: only `goto` is encoded. */
function link_for(string $email, int $timestamp, string $goto, string $key): string
{
    global $base;
    $hash = sha1($email . $timestamp . $key);
    return "$base/dologin.php?email=$email&timestamp=$timestamp&hash=$hash&goto=" . urlencode($goto);
}

/** The status, the target, and the user that the client area then shows. */
function visit(string $link): array
{
    global $base;
    $jar = tempnam(sys_get_temp_dir(), 'jar');
    $curl = curl_init($link);
    curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_HEADER => true, CURLOPT_COOKIEJAR => $jar, CURLOPT_COOKIEFILE => $jar]);
    $answer = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    $target = preg_match('/^location: (.*)\r$/mi', $answer, $found) ? $found[1] : null;
    curl_setopt_array($curl, [CURLOPT_URL => "$base/clientarea.php", CURLOPT_HEADER => false]);
    preg_match('/<p>(.*?)<\/p>/', curl_exec($curl), $found);
    unlink($jar);
    return [$status, $target, $found[1]];
}

$now = time();
check('AutoAuth', visit(link_for('demo@whmcs.com', $now, 'clientarea.php?action=products', $key)),
    [302, 'clientarea.php?action=products', 'Demo Client (demo@whmcs.com)']);
check('AutoAuth, a plus in the e-mail', visit(link_for('a+b@example.com', $now, 'viewinvoice.php?id=12', $key)),
    [302, 'viewinvoice.php?id=12', 'Ada Plus (a+b@example.com)']);
check('AutoAuth, 15 minutes old', visit(link_for('demo@whmcs.com', $now - 890, 'index.php', $key))[0], 302);
check('AutoAuth, e-mail in capitals', visit(link_for('DEMO@WHMCS.COM', $now, 'index.php', $key)),
    [302, 'index.php', 'Demo Client (demo@whmcs.com)']);

$refused = [403, null, 'Nobody is logged in with this browser, or the session has ended.'];
check('AutoAuth, too old', visit(link_for('demo@whmcs.com', $now - 902, 'index.php', $key)), $refused);
check('AutoAuth, another key', visit(link_for('demo@whmcs.com', $now, 'index.php', 'another')), $refused);
check('AutoAuth, no such account', visit(link_for('nobody@example.com', $now, 'index.php', $key)), $refused);
// For this e-mail, MariaDB's collation finds the account `míke@example.com`.
check('AutoAuth, a look-alike', visit(link_for('mike@example.com', $now, 'index.php', $key)), $refused);
check('AutoAuth, an e-mail that the character set cannot store', visit(link_for("\u{1F600}@example.com", $now, 'index.php', $key)), $refused);
check('AutoAuth, to another site', visit(link_for('demo@whmcs.com', $now, 'https://evil.example/', $key))[1], 'clientarea.php');
