<?php
// Holds an implementation in PHP against the vectors. It has the functions of example.php.
//
// usage: run.php [IMPLEMENTATION]

/** What PHP itself reads from a body. An array counts as `[]`. */
function read_by_php(string $body): array
{
    parse_str($body, $fields);
    $known = array_intersect_key($fields, CALL_FIELDS);
    ksort($known);
    return array_map(fn ($value) => is_string($value) ? $value : [], $known);
}

require $argv[1] ?? __DIR__ . '/example.php';

$read = fn (string $name) => json_decode(file_get_contents(__DIR__ . "/$name.json"), true, 512, JSON_THROW_ON_ERROR);
['credentials' => $credentials, 'admins' => $admins, 'calls' => $calls] = $read('calls');
$failed = 0;
foreach ([
    'keys' => [$read('keys'), ['keys'], fn ($keys) => ['allowed' => are_allowed($keys)]],
    'links' => [$read('links'), ['keys', 'now', 'query'], verify_link(...)],
    'goto' => [$read('goto'), ['goto'], fn ($goto) => ['verdict' => target($goto)]],
    'forms' => [$read('forms'), ['body'], fn ($body) => [
        'php' => read_by_php($body), 'malformed' => fields($body, CALL_FIELDS) === null,
    ]],
    'calls' => [$calls, ['body'], fn ($body) => verify_call($credentials, $admins, $body)],
    'answers' => [$read('answers'), ['message'], answer(...)],
] as $file => [$cases, $given, $run]) {
    foreach ($cases as $case) {
        $got = $run(...array_map(fn ($name) => $case[$name], $given));
        $expected = array_diff_key($case, array_flip(['rule', ...$given]));
        ksort($got);
        ksort($expected);
        if ($got !== $expected) {
            $failed = 1;
            echo "$file: ", json_encode($case), "\n    but: ", json_encode($got), "\n";
        }
    }
    echo "$file: ", count($cases), " cases\n";
}
exit($failed);
