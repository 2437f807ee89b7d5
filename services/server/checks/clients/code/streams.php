<?php
// Sends calls with PHP's streams. They open a connection for each call.

while (($line = fgets(STDIN)) !== false) {
    ['url' => $url, 'way' => $way, 'fields' => $fields] = json_decode($line, true);
    $type = $way === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => "Content-Type: $type\r\n",
        'content' => $way === 'form' ? http_build_query($fields) : json_encode($fields),
        'ignore_errors' => true,
    ]]);
    $body = file_get_contents($url, false, $context);
    $headers = implode("\n", $http_response_header);
    preg_match('/^HTTP\S+ (\d+)/', $headers, $status);
    preg_match('/^retry-after: (\d+)/mi', $headers, $retry_after);
    echo json_encode(['status' => (int) $status[1], 'body' => $body, 'retry_after' => $retry_after[1] ?? null]) . "\n";
}
