<?php
// Writes the vectors beside it: `php tests/vectors/generate.php`. What it writes is what PHP says;
// nothing here knows the library. Every run writes the same bytes.

require __DIR__ . '/read_by_php.php';

mt_srand(20261122);

function write(string $name, string $header, array $rows): void
{
    $lines = array_map(fn ($row) => implode("\t", $row), [explode("\t", $header), ...$rows]);
    file_put_contents(__DIR__ . "/$name.tsv", implode("\n", $lines) . "\n");
}

function random(string $alphabet, int $length): string
{
    $characters = preg_split('//u', $alphabet, -1, PREG_SPLIT_NO_EMPTY);
    $text = '';
    for ($i = 0; $i < $length; $i++) {
        $text .= $characters[mt_rand(0, count($characters) - 1)];
    }
    return $text;
}

// AutoAuth: sha1(email . timestamp . key), and the query percent-encoded by PHP.
$rows = [
    ['demo@whmcs.com', '1290100706', 'abcXYZ123'],
    ['demo@whmcs.com', '1290100706', 'strong_auto_auth_key_goes_here'],
    ['Demo@WHMCS.com', '1290100706', 'abcXYZ123'],
    ['a+b@example.com', '1700000000', 'abcXYZ123'],
    ['ü@example.com', '1700000000', 'abcXYZ123'],
    ["o'brien@example.com", '1000000000', '#&=%+ '],
    ['"quoted"@example.com', '9999999999', '0'],
    ['почта@пример.рф', '4294967296', 'ключ'],
];
// Every total length around the one-, two- and three-block edges of SHA-1.
foreach ([...range(50, 68), ...range(116, 130), ...range(180, 194)] as $total) {
    $key = random('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 24);
    $email = random('abcdefghijklmnopqrstuvwxyz.+-_0123456789', $total - 24 - 10 - 12) . '@example.com';
    $rows[] = [$email, (string) mt_rand(1000000000, 2147483647), $key];
}
for ($i = 0; $i < 150; $i++) {
    $email = random('abcxyzABCXYZ0123456789.+-_=&%#/?"\'~ßéłж語', mt_rand(1, 40)) . '@' . random('abc123-', 8) . '.test';
    $key = random('abcxyzABCXYZ0123456789!@#$%^&*()_+-=[]{}|;:,.<>?/ éж', mt_rand(1, 64));
    $rows[] = [$email, (string) mt_rand(1000000000, 2147483647), $key];
}
write('autoauth', "email\ttimestamp\tkey\tsha1\tquery", array_map(fn ($row) => [
    ...$row,
    sha1($row[0] . $row[1] . $row[2]),
    http_build_query(['email' => $row[0], 'timestamp' => $row[1], 'hash' => sha1($row[0] . $row[1] . $row[2])]),
], $rows));

// What is presented as the hash of a link, and whether PHP says that it is. Hex counts in either case.
$presented = [];
foreach (array_slice($rows, 0, 40) as [$email, $timestamp, $key]) {
    $hash = sha1($email . $timestamp . $key);
    $place = mt_rand(0, 39);
    foreach ([
        $hash,
        strtoupper($hash),
        substr_replace($hash, $hash[$place] === '0' ? '1' : '0', $place, 1),
        substr($hash, 1),
        substr($hash, 0, 39),
        strrev($hash),
        sha1($email . $timestamp),
        sha1($email . $timestamp . $key . $key),
        sha1($key . $email . $timestamp),
        md5($email . $timestamp . $key),
        hash_hmac('sha1', $email . $timestamp, $key),
        '0e' . str_repeat('0', 38),
        '0',
    ] as $text) {
        $verdict = hash_equals($hash, strtolower($text)) ? 'match' : 'mismatch';
        $presented[] = [$email, $timestamp, $key, $text, $verdict];
    }
}
write('hashes', "email\ttimestamp\tkey\tpresented\tverdict", $presented);

// Form bodies.
$bodies = [
    'action=GetClients&identifier=id&responsetype=json&secret=s%2Be+c',
    'identifier=id&secret=s&action=GetClients&responsetype=json&search=a%2Bb%40example.com',
    'username=id&password=s&accesskey=key%231%2B2&responsetype=json',
    'action=getproducts&pid=1&responsetype=json&username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99&accesskey=key%231%2B2',
    'endpoint=..&identifier=id&secret=s%2Be%20c&responsetype=json&action=GetClients',
    'identifier=id&secret=s&username=&password=',
    'identifier=&secret=&username=admin&password=p',
    'action=a&action=b', 'action=b&action=b', 'action=&action=b', 'action=b&action=',
    '%20action=b', '+action=b', '++%20action=b', 'action%00x=b', 'action%00=b', '%20action%00[=b',
    'action[]=b', 'action%5B%5D=b', 'action[x]=b', 'action[x][y]=b', 'action[=b', 'action[x=b', 'action]=b',
    'action%20=b', 'action+=b', 'action.=b', 'Action=b', 'ACTION=b', 'acti%6fn=b', '%61ction=b',
    'password[]=x&username=admin', 'identifier=id&secret=s&secret[]=t', 'identifier=id&secret=s&%20secret=t',
    'identifier=id&secret=s&secret%00=t', 'identifier[]=id&secret=s', '%00action=b', '[action]=b', '[action=b',
    'action', 'action=', '=b', '&&action=b&&', 'action=b=c', 'action==b', 'a%zz=1&action=%zz', 'action=%',
    'action=b;identifier=c', '%09action=b', '%0aaction=b', '%c2%a0action=b', 'action%2500=b', 'x%00action=b',
    'identifier=a%00b&secret=s', 'identifier=%20id&secret=s', 'identifier=id%20&secret=s', 'secret=%26%3d&identifier=%2B',
];
write('forms', "body\tread by PHP", array_map(fn ($body) => [$body, read_by_php($body, OF_FORMS)], $bodies));

// Stored forms: what was presented, what is stored, and whether PHP says that they match.
$salt = 'CCCCCCCCCCCCCCCCCCCCC.';
$secrets = ['F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo', 's+e c', 'ü', str_repeat('a', 71), str_repeat('a', 72)];
$rows = [];
foreach ($secrets as $secret) {
    $rows[] = ['secret', 'md5', $secret, md5($secret)];
    $rows[] = ['secret', 'sha256', $secret, hash('sha256', $secret)];
    $rows[] = ['password', 'md5', md5($secret), md5($secret)];
    foreach (['2a', '2y', '2b'] as $version) {
        // PHP writes 2a and 2y; for passwords without bytes over 127, 2b is the same hash.
        $as = fn ($text) => substr_replace(crypt($text, '$2y$04$' . $salt), $version, 1, 2);
        $rows[] = ['secret', 'bcrypt', $secret, $as($secret)];
        $rows[] = ['password', 'bcrypt', md5($secret), $as(md5($secret))];
    }
}
$rows[] = ['secret', 'bcrypt', 'another', crypt('other', '$2y$05$' . $salt)];
$rows[] = ['password', 'bcrypt', md5('another'), crypt(md5('other'), '$2y$05$' . $salt)];
$rows[] = ['password', 'bcrypt', md5('password'), crypt('password', '$2y$04$' . $salt)];
foreach ($rows as &$row) {
    [, $form, $presented, $stored] = $row;
    $row[] = ($form === 'bcrypt'
        ? password_verify($presented, $stored)
        : hash_equals($stored, $row[0] === 'password' ? $presented : hash($form, $presented))) ? 'match' : 'mismatch';
}
write('stored', "kind\tform\tpresented\tstored\tverdict", $rows);

// Answers: the JSON that PHP writes of a message, harmless in HTML. The message is percent-encoded.
$messages = [
    'Authentication Failed',
    'Invalid Permissions: API action "getclients" is not allowed',
    'This login link is not valid.',
    '</script><!-- & \'quoted\' "double" -->',
    'a\\b/c',
    "\u{fffd}\u{fffe}\u{ffff}\u{10000}\u{10ffff}\u{2028}\u{2029}\u{d7ff}\u{e000}",
    'ünïcödé 日本語 😀',
];
for ($code = 0; $code < 256; $code++) {
    $messages[] = ($code < 128 ? chr($code) : chr(0xc0 | $code >> 6) . chr(0x80 | $code & 0x3f)) . 'x';
}
write('json', "message\tbody", array_map(fn ($message) => [
    rawurlencode($message),
    json_encode(
        ['result' => 'error', 'message' => $message],
        JSON_HEX_QUOT | JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS,
    ),
], $messages));
