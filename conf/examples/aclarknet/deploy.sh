#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: deploy.sh [--initial]
# Brings the code that lies in /srv/aclarknet into service without losing a request; with
# --initial, prepares the machine first. As root, on the server. Whatever fails is said by
# name, and what served before serves on.
# -E: the trap below holds in functions too.
set -Eeuo pipefail

site=aclarknet
service=aclarknet
units="aclarknet.socket aclarknet.service"
directory=/srv/aclarknet
user=aclarknet
group=aclarknet
socket=/run/gunicorn/aclarknet.sock
host=aclark.net
here=$(cd "$(dirname "$0")" && pwd)

initial=false
case "${1:-}" in
  --initial) initial=true ;;
  "") ;;
  *) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
esac

step=start
failed() {
  echo "deploy: FAILED: $step" >&2
  journalctl --unit "$service" --since -2min --no-pager --lines 30 >&2 || true
}
trap failed ERR
begin() { step=$1; echo "deploy: $1"; }

# A command as the site runs: its user, its directory, and its environment as systemd reads
# it, which is not how a shell would: KEY=a$b(c is text.
as_site() {
  systemd-run --quiet --wait --pipe --collect --property=User="$user" \
    --property=Group="$group" --property=WorkingDirectory="$directory" \
    --property=EnvironmentFile=-"$directory/.env" -- "$@"
}

# Copies what differs; true if it did. $3: the mode, 0644 if there is none.
changed=
install_file() {
  cmp -s "$1" "$2" && return
  install -D -m "${3:-0644}" "$1" "$2"
  changed+=" $2"
}

if $initial; then
  begin "make the user $user"
  getent passwd "$user" > /dev/null ||
    useradd --system --user-group --home-dir "$directory" --no-create-home "$user"
  begin "make the directories"
  install -d -o "$user" -g "$group" /srv/aclarknet/logs /srv/aclarknet/static /srv/aclarknet/media
fi

venv=/srv/aclarknet/.venv
python=$venv/bin/python
if [ ! -x "$python" ]; then
  begin "make the virtual environment"
  "${PYTHON:-python3.13}" -m venv "$venv"
fi
if [ -e "$directory/requirements.txt" ]; then
  begin "install requirements.txt"
  "$python" -m pip install --quiet --requirement "$directory/requirements.txt"
else
  echo "deploy: note: there is no requirements.txt, so $venv stays as it is"
fi

if [ -e "$directory/package.json" ]; then
  begin "build the front end"
  as_site npm --cache "$directory/.npm" ci
  as_site npm --cache "$directory/.npm" run build --if-present
fi

if [ -e "$directory/manage.py" ]; then
  begin "migrate the database"
  as_site "$python" manage.py migrate --noinput
  begin "collect static files"
  as_site "$python" manage.py collectstatic --noinput --verbosity 0
fi

begin "install the settings"
install_file "$here/$site.yaml" "/etc/monodon/$site.yaml"
begin "check the settings and import the application"
as_site monodon check --config "/etc/monodon/$site.yaml"

begin "install the units"
changed=
for unit in $units; do
  install_file "$here/$unit" "/etc/systemd/system/$unit"
done
new_units=$changed
if [ -n "$new_units" ]; then systemctl daemon-reload; fi

if $initial; then
  begin "enable the socket and the service"
  systemctl enable "$service.socket" "$service.service"
fi
begin "start the socket"
systemctl start "$service.socket"
if [[ $new_units == *.service* ]] && systemctl is-active --quiet "$service.service"; then
  # A reload keeps the process, and so the unit that it was started from.
  begin "restart the service, whose unit has changed; requests wait meanwhile"
  systemctl restart "$service.service"
else
  begin "bring in the new code"
  systemctl reload-or-restart "$service.service"
fi

begin "install nginx's file"
nginx_file=/etc/nginx/conf.d/$site.conf
nginx_before=$(mktemp)
cp "$nginx_file" "$nginx_before" 2> /dev/null || : > "$nginx_before"
changed=
install_file "$here/nginx-$site.conf" "$nginx_file"
if [ -n "$changed" ]; then
  if ! nginx -t; then
    # Not a file that keeps nginx from starting the next time.
    if [ -s "$nginx_before" ]; then cp "$nginx_before" "$nginx_file"; else rm "$nginx_file"; fi
    false
  fi
  systemctl reload nginx
fi
rm -f "$nginx_before"

begin "ask the site for its front page"
status=$(curl --silent --show-error --max-time 30 --output /dev/null --write-out '%{http_code}' \
  --unix-socket "$socket" --header "Host: $host" --header 'X-Forwarded-Proto: https' \
  http://localhost/)
echo "deploy: it answers $status"
[ "$status" -lt 500 ]

begin "look for what is wrong (monodon doctor)"
monodon doctor "$site" || [ $? -eq 1 ]
echo "deploy: done"
