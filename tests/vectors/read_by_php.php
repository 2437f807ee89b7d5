<?php
// What PHP makes of each known field of a form body. A field that is an array is written `name[]`.

const KNOWN = ['identifier', 'secret', 'username', 'password', 'accesskey', 'action', 'responsetype'];

function read_by_php(string $body): string
{
    parse_str($body, $fields);
    $read = [];
    foreach (KNOWN as $name) {
        if (isset($fields[$name])) {
            $read[] = is_string($fields[$name]) ? "$name=" . rawurlencode($fields[$name]) : "{$name}[]";
        }
    }
    return implode('&', $read);
}
