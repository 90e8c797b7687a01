# project() and a public header, which can be used without CMake, both contain the version. Here
# they are compared.
#
# sc_soversion is the version in the soname. Before 1.0 a minor version may break compatibility, as
# the package version file says too (SameMinorVersion), so the soname contains it; after that only a
# major version may.
set(sc_version_header ${PROJECT_SOURCE_DIR}/include/scopecache/version.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sc_version_header})
set(sc_header_version)
foreach(part MAJOR MINOR PATCH)
	file(STRINGS ${sc_version_header} line REGEX "^#define SC_VERSION_${part} +[0-9]+$")
	string(REGEX REPLACE "^.* " "" number "${line}")
	list(APPEND sc_header_version "${number}")
endforeach()
list(JOIN sc_header_version "." sc_header_version)
if(NOT sc_header_version STREQUAL PROJECT_VERSION)
	message(FATAL_ERROR "include/scopecache/version.h has version ${sc_header_version}, "
		"but project() in CMakeLists.txt has ${PROJECT_VERSION}.")
endif()

if(PROJECT_VERSION_MAJOR EQUAL 0)
	set(sc_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
else()
	set(sc_soversion ${PROJECT_VERSION_MAJOR})
endif()
