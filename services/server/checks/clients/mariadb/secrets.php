<?php
// Prints the SQL for the demo's admins and credential, hashed by PHP as in WHMCS.
echo "SET NAMES utf8mb4;\n";
$rows = [
    ['admin', 'password', 1, 0],
    ['clerk', 'clerk-password', 2, 0],
    ['gone', 'gone-password', 1, 1],
];
foreach ($rows as [$username, $password, $role, $disabled]) {
    printf(
        "INSERT INTO tbladmins (username, password, passwordhash, roleid, disabled) VALUES ('%s', '%s', '%s', %d, %d);\n",
        $username,
        password_hash(md5($password), PASSWORD_BCRYPT, ['cost' => 10]),
        password_hash($password, PASSWORD_BCRYPT, ['cost' => 10]),
        $role,
        $disabled,
    );
}
printf(
    "INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids) VALUES (7, '%s', '%s', 1, '[1,2]');\n",
    'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv',
    password_hash('F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo', PASSWORD_BCRYPT, ['cost' => 10]),
);
