#!/bin/sh
# Makes the certificates of the tests anew: an authority, one below it, and servers. Run in this folder; keys are thrown away.
# Who judges them says at which time: all are valid from 2025-01-01 to 2027-01-01.
set -eu
trap 'rm -f ./*.key ./*.csr ./*.srl ./ext ./index* ./serial*' EXIT

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# NAME SUBJECT AUTHORITY EXTENSIONS
issue() {
  key "$1"
  printf '%b\n' "$4" >ext
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  : >index
  openssl rand -hex 8 >serial
  cat >ca.key.conf <<CONF
[ca]
default_ca = it
[it]
database = ./index
serial = ./serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CONF
  signer="-selfsign -keyfile $1.key"
  [ "$3" = - ] || signer="-cert $3.pem -keyfile $3.key"
  # shellcheck disable=SC2086
  openssl ca -batch -notext -config ca.key.conf $signer -in "$1.csr" -out "$1.pem" -extfile ext \
    -startdate 20250101000000Z -enddate 20270101000000Z 2>/dev/null
  rm -f ca.key.conf ./[0-9A-F]*.pem
}

authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign'
server='basicConstraints=critical,CA:FALSE\nsubjectAltName'
issue root "Root of the tests" - "$authority"
issue between "Authority of the tests" root "$authority"
issue stranger "Stranger" - "$authority"
issue example "example.net" between "$server=URI:sip:example.net,IP:192.0.2.1\nextendedKeyUsage=serverAuth"
issue sip_only "example.net" between "$server=URI:sip:example.net\nextendedKeyUsage=1.3.6.1.5.5.7.3.20"
issue mail_only "example.net" between "$server=URI:sip:example.net\nextendedKeyUsage=emailProtection"
issue forged "example.net" stranger "$server=URI:sip:example.net"
