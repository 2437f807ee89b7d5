<?php
// Sends calls with PHP's curl. One handle sends them all, so that it can use its connection again.

$curl = curl_init();
while (($line = fgets(STDIN)) !== false) {
    ['url' => $url, 'way' => $way, 'fields' => $fields] = json_decode($line, true);
    curl_reset($curl);
    $retry_after = null;
    curl_setopt_array($curl, [
        CURLOPT_URL => $url,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_POSTFIELDS => match ($way) {
            'form' => http_build_query($fields),
            'multipart' => $fields,
            'json', 'json text' => json_encode($fields),
        },
        CURLOPT_HTTPHEADER => $way === 'json' ? ['Content-Type: application/json'] : [],
        CURLOPT_HEADERFUNCTION => function ($curl, $header) use (&$retry_after) {
            if (preg_match('/^retry-after: (\d+)/i', $header, $found)) {
                $retry_after = $found[1];
            }
            return strlen($header);
        },
    ]);
    $body = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    echo json_encode(['status' => $status, 'body' => $body, 'retry_after' => $retry_after]) . "\n";
}
