# Restarts the server and the bridge under load, behind nginx with the sample, with a socket that stays open as
# systemd keeps it.

needs nginx nginx-light
needs python3 python3
release_build whmcs-auth-server whmcs-auth-bridge

restart() { python3 services/base/checks/restart/restart.py "$work" "$@"; }

check 'restart: no request is lost' restart
check 'control: without the socket, requests are lost' fails_by 'requests were lost' restart --without-socket
