<?php
// Writes random form bodies, and what PHP reads in each: `php forms.php COUNT SEED`.

require __DIR__ . '/../../tests/vectors/read_by_php.php';

[, $count, $seed] = $argv;
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
for ($i = 0; $i < $count; $i++) {
    $fields = [];
    for ($j = mt_rand(1, 6); $j > 0; $j--) {
        $fields[] = one($before) . one([...KNOWN, 'x', '']) . one($after) . one(['=', '=', '=', '=', '']) . one($values);
    }
    $body = implode(one(['&', '&', '&', '&&', ';', '&amp;']), $fields);
    echo $body, "\t", read_by_php($body), "\n";
}
