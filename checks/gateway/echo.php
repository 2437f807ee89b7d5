<?php
// Stands in for WHMCS: answers with what PHP has of a request, and writes the same to the file ECHO_LOG.
// Names and texts are in hex, so nothing is lost.

function in_hex(array|string $value): object|string
{
    if (is_string($value)) {
        return bin2hex($value);
    }
    $fields = [];
    foreach ($value as $name => $item) {
        $fields[bin2hex((string) $name)] = in_hex($item);
    }
    return (object) $fields;
}

$seen = json_encode([
    'get' => in_hex($_GET),
    'post' => in_hex($_POST),
    'cookie' => in_hex($_COOKIE),
    'request' => in_hex($_REQUEST),
    'files' => count($_FILES),
    'line' => $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'],
    'headers' => array_map('strtolower', array_keys(getallheaders())),
], JSON_THROW_ON_ERROR);
file_put_contents(getenv('ECHO_LOG'), "$seen\n", FILE_APPEND);
header('Content-Type: application/json');
echo $seen;
