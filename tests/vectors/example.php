<?php
// The rules in PHP, as an example of an implementation that `run.php` holds against the vectors. It is short, and not
// hardened.

// The caps in bytes.
const LINK_FIELDS = ['email' => 254, 'timestamp' => PHP_INT_MAX, 'hash' => 40];
const CALL_FIELDS = [
    'identifier' => 255, 'secret' => 1024, 'username' => 255, 'password' => 1024,
    'accesskey' => PHP_INT_MAX, 'action' => PHP_INT_MAX, 'responsetype' => PHP_INT_MAX,
];

// What no part of a `goto` holds. The class is open, so that a pattern can add to it.
const UNSAFE = '[^\\\\"<>^{|}`\x00-\x20\x7f-\xff';

/** The fields of these names that are not empty, or null if the text is malformed: FIELD-1 to FIELD-5. */
function fields(string $text, array $caps): ?array
{
    $fields = [];
    foreach (explode('&', $text) as $pair) {
        [$name, $value] = array_map('urldecode', explode('=', $pair, 2) + ['', '']);
        $as_php = preg_split('/[\0[]/', ltrim($name, ' '))[0];
        if (!isset($caps[$as_php])) {
            continue;
        }
        $is_text = preg_match('/^[^\x{fffd}]*$/Du', $value);
        $has_control = in_array($name, ['identifier', 'username', 'email', 'goto']) && preg_match('/\p{Cc}/u', $value);
        if ($name !== $as_php || isset($fields[$name]) || strlen($value) > $caps[$name] || !$is_text || $has_control) {
            return null;
        }
        $fields[$name] = $value;
    }
    return array_filter($fields, fn ($value) => $value !== '');
}

/** LINK-1: may these keys stand in one set? */
function are_allowed(array $keys): bool
{
    foreach ($keys as $i => $key) {
        $others = array_diff_key($keys, [$i => '']);
        if (trim($key) === '' || array_filter($others, fn ($other) => str_ends_with($other, $key))) {
            return false;
        }
    }
    return true;
}

/** LINK-6: `refuse`, `acts` or `follow`. */
function target(string $goto): string
{
    [$path, $rest] = preg_split('/[?#]/', $goto, 2) + ['', ''];
    $is_path = preg_match('~^(?!//)[/\w]' . UNSAFE . ':@;%]*$~D', $path) && !preg_match('~(^|/)\.\.?(/|$)~', $path);
    $is_rest = preg_match('/^(' . UNSAFE . '%]|%(?![01]|7f)[0-9a-f]{2})*$/Di', $rest);
    $acts = preg_match('~(^|/)(dologin|logout|singlesignon|api)(\.|/|$)~i', $path);
    return !$is_path || !$is_rest || strlen($goto) > 2048 ? 'refuse' : ($acts ? 'acts' : 'follow');
}

/** LINK-2 to LINK-6. */
function verify_link(array $keys, int $now, string $query): array
{
    $given = fields($query, LINK_FIELDS);
    if ($given === null || count($given) < 3 || !preg_match('/^[1-9][0-9]{9}$/D', $given['timestamp'])) {
        return ['result' => 'not valid'];
    }
    $email = strtr($given['email'], ' ', '+');
    $is_genuine = false;
    foreach ($keys as $key) {
        $hash = sha1($email . $given['timestamp'] . $key);
        $is_genuine = hash_equals($hash, strtolower($given['hash'])) || $is_genuine;
    }
    if (!$is_genuine) {
        return ['result' => 'not valid'];
    }
    if (abs($now - (int) $given['timestamp']) > 900) {
        return ['result' => 'expired'];
    }
    $goto = fields($query, ['goto' => 2048])['goto'] ?? '';
    return ['result' => 'accepted', 'email' => $email, 'goto' => target($goto) === 'follow' ? $goto : null];
}

/** API-2 and API-5: does this match what is stored? */
function matches(array $record, string $presented): bool
{
    $is_admin = isset($record['username']);
    if ($is_admin && !preg_match('/^[0-9a-f]{32}$/Di', $presented)) {
        return false;
    }
    $presented = $is_admin ? strtolower($presented) : $presented;
    return match ($record['scheme']) {
        'plain' => hash_equals($is_admin ? md5($record['stored']) : $record['stored'], $presented),
        'md5' => hash_equals($record['stored'], $is_admin ? $presented : md5($presented)),
        'sha256' => hash_equals($record['stored'], hash('sha256', $presented)),
        'bcrypt', 'bcrypt of md5' => strlen($presented) < 72 && !str_contains($presented, "\0")
            && password_verify($presented, $record['stored']),
    };
}

/** API-1 to API-7, and the action. */
function verify_call(array $credentials, array $admins, string $body): array
{
    $refused = fn (int $status, string $message) => ['status' => $status, 'message' => $message];
    $given = fields($body, CALL_FIELDS);
    $is_pair = isset($given['identifier']) || isset($given['secret']);
    $name = $given[$is_pair ? 'identifier' : 'username'] ?? null;
    $presented = $given[$is_pair ? 'secret' : 'password'] ?? null;
    if ($name === null || $presented === null) {
        return $refused(403, 'Authentication Failed');
    }
    $found = array_filter($credentials, fn ($record) => $record['identifier'] === $name);
    $mode = $found || $is_pair ? 'credential' : 'admin';
    if ($mode === 'admin') {
        $found = array_filter($admins, fn ($record) => strcasecmp($record['username'], $name) === 0);
    }
    $record = array_shift($found);
    if ($record === null || !matches($record, $presented)) {
        return $refused(403, 'Authentication Failed');
    }
    if ($record['admin'] !== 'enabled') {
        return $refused(403, $record['admin'] === 'disabled' ? 'Administrator Account Disabled' : 'Access Denied');
    }
    $action = strtolower($given['action'] ?? '');
    if (!preg_match('/^[a-z0-9_]{1,64}$/D', $action)) {
        return $refused(400, 'Empty action request');
    }
    if ($mode === 'credential' && !in_array($action, $record['actions'], true)) {
        return $refused(403, "Invalid Permissions: API action \"$action\" is not allowed");
    }
    return ['mode' => $mode, 'id' => $record['id'], 'action' => $action];
}

/** ANSWER-2: the three bodies of an error. The action is `getclients`. */
function answer(string $message): array
{
    $flags = JSON_HEX_QUOT | JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS;
    $xml = preg_replace('/[^\t\n\r\x20-\x{d7ff}\x{e000}-\x{fffd}\x{10000}-\x{10ffff}]/u', "\u{fffd}", $message);
    $xml = strtr($xml, ['&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;', "\r" => '&#13;']);
    return [
        'json' => json_encode(['result' => 'error', 'message' => $message], $flags),
        'xml' => "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getclients</action>\n"
            . "<result>error</result>\n<message>$xml</message>\n</whmcsapi>",
        'nvp' => 'result=error;message=' . preg_replace('/[;=\p{Cc}]/u', ' ', $message),
    ];
}
