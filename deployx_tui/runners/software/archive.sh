# A tar archive: each version in a folder of its own, and the link `current` to one of them, turned in one step.
# Unpacked as the account that the task runs as. Versions that were there stay, for going back.

dx_archive_have() {
  dx_v=
  [ -L "$dx_dir/current" ] || {
    [ ! -e "$dx_dir/current" ] || { dx_fail "$dx_dir/current is there and is no link"; return 1; }
    return 0
  }
  dx_v=$(readlink "$dx_dir/current")
  [ -d "$dx_dir/$dx_v" ] || dx_v=
  [ "$dx_v" != "$dx_want" ] || dx_archive_same || { dx_v=; return 1; }
}

# a version never changes its content
dx_archive_same() {
  [ "$dx_sum" ] && [ -f "$dx_dir/.$dx_want.sha256" ] || return 0
  read -r dx_x <"$dx_dir/.$dx_want.sha256"
  [ "$dx_x" = "$dx_sum" ] || { dx_fail "$dx_dir/$dx_want is there with another content; give the new one another version"; return 1; }
}

dx_archive_list() {
  [ ! -L "$dx_dir/current" ] || printf 'it %s\n' "$(readlink "$dx_dir/current")"
}

dx_archive_ready() {
  dx_newest=$dx_want
  [ "$dx_want" ] && [ "$dx_want" != latest ] || { dx_fail "an archive needs a version to be put under"; return 1; }
  dx_archive_same && dx_obtain && dx_archive_look || return 1
  mkdir -p "$dx_dir" 2>/dev/null && [ -w "$dx_dir" ] || { dx_fail "$dx_dir can't be written to by $(id -un)"; return 1; }
}

# What it holds, before a byte is unpacked. The two listings go side by side: the first one says where the name ends in
# the second, behind which the target of a link stands.
dx_archive_look() {
  tar -tf "$dx_file" >"$dx_tmp/names" 2>"$dx_tmp/said" </dev/null && tar -tvf "$dx_file" >"$dx_tmp/rows" 2>>"$dx_tmp/said" </dev/null ||
    { dx_fail "it is no archive that tar can read: $(dx_flat "$(head -c 300 "$dx_tmp/said")")"; return 1; }
  [ -s "$dx_tmp/names" ] || { dx_fail "the archive is empty"; return 1; }
  dx_x=$(awk -v rows="$dx_tmp/rows" '
    function out(path, base,   parts, n, i, depth) {
      if (path ~ /^\//) return 1
      n = split(base == "" ? path : base "/" path, parts, "/")
      for (i = 1; i <= n; i++) {
        if (parts[i] == "..") depth--
        else if (parts[i] != "" && parts[i] != ".") depth++
        if (depth < 0) return 1
      }
      return 0
    }
    function folder(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*\/?$/) - 1) : "" }
    {
      name = $0
      if ((getline row <rows) <= 0) { print "its two listings differ"; exit }
      kind = substr(row, 1, 1)
      if (name ~ /^\//) { print "it holds the absolute path " name; exit }
      if (name ~ /(^|\/)\.\.(\/|$)/) { print "it holds a path with .. : " name; exit }
      if (kind !~ /[-dlh]/) { print "it holds a device or another special file: " name; exit }
      if (kind == "l" || kind == "h" || row ~ / link to / || index(row, name " -> ")) {
        at = index(row, name " -> "); skip = 4
        if (!at) { at = index(row, name " link to "); skip = 9 }
        if (!at) { print "it holds a link that can not be read: " name; exit }
        target = substr(row, at + length(name) + skip)
        if (out(target, kind == "l" ? folder(name) : "")) { print "it holds a link out of itself: " name " to " target; exit }
      }
    }' "$dx_tmp/names")
  [ ! "$dx_x" ] || { dx_fail "the archive is refused: $(dx_flat "$dx_x")"; return 1; }
}

dx_archive_install() {
  if [ -d "$dx_dir/$dx_want" ] && [ -f "$dx_dir/.$dx_want.sha256" ]; then
    dx_archive_turn "$dx_want"
    return
  fi
  dx_new=$dx_dir/.new-$dx_nonce-$dx_i
  mkdir -m 755 "$dx_new" || { dx_fail "$dx_new can't be made"; return 1; }
  set -- -xof "$dx_file" -C "$dx_new"
  [ "$dx_strip" = 0 ] || set -- "$@" "--strip-components=$dx_strip"
  dx_run tar "$@" || :
  if ! dx_good tar || ! dx_archive_inside; then
    rm -rf "$dx_new"
    return 1
  fi
  # a program of another account must not come out of an archive
  find "$dx_new" -type f \( -perm -4000 -o -perm -2000 \) -exec chmod ug-s {} +
  # a folder without its mark was left half-way
  rm -rf "${dx_dir:?}/$dx_want"
  mv "$dx_new" "$dx_dir/$dx_want" || { rm -rf "$dx_new"; dx_fail "$dx_dir/$dx_want can't be made"; return 1; }
  : >"$dx_tmp/made$dx_i"
  printf '%s\n' "$dx_sum" >"$dx_dir/.$dx_want.sha256"
  dx_archive_turn "$dx_want"
}

# again after unpacking, by what lies there: tar's listing is only tar's word
dx_archive_inside() {
  dx_here=$(cd "$dx_new" && pwd -P) || return 1
  dx_x=$(find "$dx_new" ! -type f ! -type d ! -type l | head -n 1)
  [ ! "$dx_x" ] || { dx_fail "the archive is refused: it holds a special file"; return 1; }
  [ "$(find "$dx_new" -type f | head -n 1)" ] || { dx_fail "nothing came out of the archive: is strip too large?"; return 1; }
  find "$dx_new" -type l >"$dx_tmp/links"
  while IFS= read -r dx_x; do
    dx_y=$(readlink -f "$dx_x" 2>/dev/null) || continue
    case $dx_y in
      "$dx_here"/*) ;;
      *) dx_fail "the archive is refused: it holds a link out of itself: $(dx_flat "$dx_x")"; return 1 ;;
    esac
  done <"$dx_tmp/links"
}

# the link, in one step
dx_archive_turn() {
  dx_x=$dx_dir/.current-$dx_nonce
  ln -s "$1" "$dx_x" && { mv -T "$dx_x" "$dx_dir/current" 2>/dev/null || mv -h "$dx_x" "$dx_dir/current" 2>/dev/null; } ||
    { rm -f "$dx_x"; dx_fail "$dx_dir/current can't be turned to $1"; return 1; }
}

# it BEFORE AFTER
dx_archive_set() {
  if [ "$2" = - ]; then
    rm -f "$dx_dir/current"
  elif [ -d "$dx_dir/$2" ]; then
    dx_archive_turn "$2" || return 1
  else
    dx_fail "$dx_dir/$2 is not there any more"
    return 1
  fi
  # what this run unpacked does not stay behind a failure, nor what a rollback leaves without any version
  if [ -e "$dx_tmp/made$dx_i" ] || { [ "$dx_verb" = restore ] && [ "$2" = - ]; }; then
    [ "$3" = - ] || rm -rf "${dx_dir:?}/$3" "$dx_dir/.$3.sha256"
  fi
  rmdir "$dx_dir" 2>/dev/null || :
}

dx_archive_remove() {
  rm -f "$dx_dir/current" && rm -rf "${dx_dir:?}/$dx_v" "$dx_dir/.$dx_v.sha256" || { dx_fail "$dx_dir can't be changed"; return 1; }
  rmdir "$dx_dir" 2>/dev/null || :
}
