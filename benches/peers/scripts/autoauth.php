<?php
// The AutoAuth check in PHP. Prints the nanoseconds of one check: the 10th percentile.

[, $email, $timestamp, $hash, $key, $now] = $argv;

function is_genuine(string $email, string $timestamp, string $hash, string $key, int $now): bool
{
    return hash_equals(sha1($email . $timestamp . $key), $hash)
        && abs($now - (int) $timestamp) <= 900;
}

function batch(string $email, string $timestamp, string $hash, string $key, int $now): float
{
    $start = hrtime(true);
    for ($call = 0; $call < 1000; $call++) {
        is_genuine($email, $timestamp, $hash, $key, $now);
    }
    return (hrtime(true) - $start) / 1000;
}

$now = (int) $now;
$tampered = strrev($hash);
if (!is_genuine($email, $timestamp, $hash, $key, $now)) {
    throw new Exception('a genuine link is refused');
}
if (is_genuine($email, $timestamp, $tampered, $key, $now)) {
    throw new Exception('a tampered link is accepted');
}

$times = [];
for ($round = 0; $round < 200; $round++) {
    $time = batch($email, $timestamp, $hash, $key, $now);
    // The first half is the warm-up.
    if ($round >= 100) {
        $times[] = $time;
    }
}
sort($times);
echo $times[10], "\n";
