<?php
// Prints random form bodies or link queries, and what PHP reads from each.
//
// usage: random_fields.php COUNT SEED forms|links

const OF_FORMS = ['identifier', 'secret', 'username', 'password', 'accesskey', 'action', 'responsetype'];

const OF_LINKS = ['email', 'timestamp', 'hash', 'goto'];

/** What PHP makes of each known field. A field that is an array is written `name[]`. */
function read_by_php(string $body, array $known): string
{
    parse_str($body, $fields);
    $read = [];
    foreach ($known as $name) {
        if (isset($fields[$name])) {
            $read[] = is_string($fields[$name]) ? "$name=" . rawurlencode($fields[$name]) : "{$name}[]";
        }
    }
    return implode('&', $read);
}

[, $count, $seed, $kind] = $argv;
mt_srand((int) $seed);

function one(array $of): string
{
    return $of[mt_rand(0, count($of) - 1)];
}

$before = ['', '', '', '', '', '', '', '%20', '+', '%00', '[', '%09', 'x'];
$after = ['', '', '', '', '', '', '', '[]', '%5Bx%5D', '%00', '%00x', '+', '.', '[', ']', '%FF'];
$values = [
    '', '', 'id', 's', 's%2Be+c', '%20id', 'id%00', 'a%26b%3dc', '%E4', '%C3%A4', 'ä', '%', '%zz', 'a=b', '=', 'json', 'XML',
    'GetClients', 'Get%3CClients', '5f4dcc3b5aa765d61d8327deb882cf99', '%0D%0A', str_repeat('x', 256),
];
// A genuine link. The random fields may repeat or replace its fields.
$link = [
    'email=a%2Bb%40example.com', 'timestamp=1700000000', 'hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8', 'goto=index.php',
];
$known = $kind === 'links' ? OF_LINKS : OF_FORMS;
for ($i = 0; $i < $count; $i++) {
    $fields = $kind === 'links' ? array_filter($link, fn () => mt_rand(0, 19) > 0) : [];
    for ($j = mt_rand($kind === 'links' ? 0 : 1, 6); $j > 0; $j--) {
        $name = one([...$known, 'x', '', 'y', 'z']);
        $fields[] = one($before) . $name . one($after) . one(['=', '=', '=', '=', '']) . one($values);
    }
    shuffle($fields);
    $body = implode(one(['&', '&', '&', '&&', ';', '&amp;']), $fields);
    echo $body, "\t", read_by_php($body, $known), "\n";
}
