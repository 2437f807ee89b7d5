<?php
// In place of WHMCS: what PHP has of a request.
echo $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['QUERY_STRING'], ' ', http_build_query($_POST);
