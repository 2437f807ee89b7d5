<?php
// What PHP makes of each known field of a form body or a query. A field that is an array is written `name[]`.

const OF_FORMS = ['identifier', 'secret', 'username', 'password', 'accesskey', 'action', 'responsetype'];

const OF_LINKS = ['email', 'timestamp', 'hash', 'goto'];

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
