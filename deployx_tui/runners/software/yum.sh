# By name with yum, on Fedora, RHEL and what descends from them.

dx_yum_have() { dx_rpm_version; }
dx_yum_list() { dx_rpm_all; }

dx_yum_ready() {
  dx_rpm_free || return 1
  dx_newest=
  case $dx_want in '' | latest) dx_take=$dx_name ;; *) dx_take=$dx_name-$dx_want ;; esac
}

# an older version is a downgrade, which is a verb of its own
dx_yum_install() {
  if [ "$dx_before" ] && [ "$dx_want" ] && [ "$dx_want" != latest ]; then
    dx_run yum -y -q install "$dx_take" && dx_have && dx_fits "$dx_v" "$dx_want" || dx_run yum -y -q downgrade "$dx_take" || :
  elif [ "$dx_before" ]; then
    dx_run yum -y -q upgrade "$dx_take" || :
  else
    dx_run yum -y -q install "$dx_take" || :
  fi
  dx_good yum
}

dx_yum_remove() {
  dx_rpm_free && dx_rpm_alone || return 1
  dx_run yum -y -q remove "$dx_name" || :
  dx_good yum
}

dx_yum_set() {
  dx_rpm_free || return 1
  dx_rpm_words "$@"
  [ ! "$dx_rm" ] || dx_run yum -y -q remove $dx_rm || { dx_fail "yum can't remove$dx_rm"; return 1; }
  [ ! "$dx_in" ] || dx_run yum -y -q install $dx_in || dx_run yum -y -q downgrade $dx_in || { dx_fail "yum can't bring back$dx_in"; return 1; }
}
