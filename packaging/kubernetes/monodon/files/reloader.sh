# SPDX-License-Identifier: Apache-2.0
# Reloads the server when the kubelet has laid other settings into /etc/monodon. Settings that
# are refused are told here and by `monodon status`; the server goes on with those before.
trap 'exit 0' TERM INT
seen=$(readlink /etc/monodon/..data)
while :; do
  sleep 2 & wait $!
  now=$(readlink /etc/monodon/..data)
  [ "$now" != "$seen" ] || continue
  seen=$now
  echo "The settings have changed: reloading."
  monodon reload || echo "Not taken over; the reason is above." >&2
done
