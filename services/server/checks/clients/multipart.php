<?php
// Calls the API with PHP's curl. Given an array of fields, it sends multipart/form-data.
//
// usage: multipart.php URL

function call_api(string $url, array $fields): array
{
    $curl = curl_init("$url/includes/api.php");
    curl_setopt_array($curl, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_POSTFIELDS => $fields + ['action' => 'GetClients', 'responsetype' => 'json', 'limitnum' => 1],
    ]);
    $answer = json_decode(curl_exec($curl), true, flags: JSON_THROW_ON_ERROR);
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer['message'] ?? $answer['clients']['client'][0]['email']];
}

function check(string $what, array $got, array $expected): void
{
    if ($got !== $expected) {
        fwrite(STDERR, "$what: " . json_encode($got) . ', expected ' . json_encode($expected) . "\n");
        exit(1);
    }
    echo "$what: " . json_encode($got) . "\n";
}

$pair = ['identifier' => 'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv', 'secret' => 'F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'];
$login = ['username' => $pair['identifier'], 'password' => $pair['secret']];
$admin = ['username' => 'admin', 'password' => md5('password')];

check('PHP multipart, identifier and secret', call_api($argv[1], $pair), [200, 'demo@whmcs.com']);
check('PHP multipart, the pair as username and password', call_api($argv[1], $login), [200, 'demo@whmcs.com']);
check('PHP multipart, an admin and the md5', call_api($argv[1], $admin), [200, 'demo@whmcs.com']);
check('PHP multipart, unused fields empty', call_api($argv[1], $pair + ['username' => '', 'password' => '', 'accesskey' => '']), [200, 'demo@whmcs.com']);
check('PHP multipart, a wrong secret', call_api($argv[1], ['secret' => 'wrong'] + $pair), [403, 'Authentication Failed']);
check('PHP multipart, a wrong secret as password', call_api($argv[1], ['password' => 'wrong'] + $login), [403, 'Authentication Failed']);
check('PHP multipart, the password itself', call_api($argv[1], ['password' => 'password'] + $admin), [403, 'Authentication Failed']);
// A column with an older character set cannot store this name.
$odd = ['identifier' => "\u{1F600}", 'secret' => 'x'];
check('PHP multipart, an identifier that the character set cannot store', call_api($argv[1], $odd), [403, 'Authentication Failed']);
$odd = ['username' => "\u{1F600}", 'password' => 'x'];
check('PHP multipart, a username that the character set cannot store', call_api($argv[1], $odd), [403, 'Authentication Failed']);
$file = new CURLStringFile($pair['secret'], 'secret.txt', 'text/plain');
check('PHP multipart, the secret as a file', call_api($argv[1], ['secret' => $file] + $pair), [403, 'Authentication Failed']);
