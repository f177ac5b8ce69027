# SPDX-License-Identifier: Apache-2.0
# Sourced from the root of a checkout: what both kinds of package begin with.
# Debian's own tools and interpreter, even where another python3 comes first in PATH.
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
name=monodon-$version
# Times in the packages are those of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# unpack_source DIRECTORY: makes DIRECTORY/NAME-VERSION.tar.gz, of the files that git knows
# as they are now, and unpacks it there.
unpack_source() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -z |
    tar --create --null --files-from=- --sort=name --owner=0 --group=0 --numeric-owner \
      --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" --transform="s,^,$name/," |
    gzip -n > "$1/$name.tar.gz"
  tar -C "$1" -xf "$1/$name.tar.gz"
}
