# scopecache's requirements of a machine. CMake stops with one sentence when one is not met.
if(NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
	message(FATAL_ERROR
		"scopecache needs a 64-bit machine, and ${CMAKE_C_COMPILER} compiles for one with "
		"pointers of ${CMAKE_SIZEOF_VOID_P} bytes.")
endif()
if(CMAKE_C_BYTE_ORDER STREQUAL "BIG_ENDIAN")
	message(FATAL_ERROR
		"scopecache needs a little-endian machine, and ${CMAKE_C_COMPILER} compiles for a "
		"big-endian one.")
endif()

# sc_command_needs(PREFIX PACKAGE MODULES...): a library of the command, as PkgConfig::PREFIX.
function(sc_command_needs prefix package)
	if(PKG_CONFIG_FOUND)
		pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${ARGN})
	endif()
	if(NOT ${prefix}_FOUND)
		list(GET ARGN 0 module)
		message(FATAL_ERROR
			"The scopecache command needs ${module}, which pkg-config does not find: "
			"install it "
			"(Debian: ${package}), or leave the command out with -DSC_BUILD_CLI=OFF.")
	endif()
endfunction()
