# Installs the headers, the libraries with their pkg-config and CMake package files, the command,
# and the manual pages. Paths are relative to the prefix, so that `--prefix` can change at
# installation and the tree can be moved.
include(CMakePackageConfigHelpers)

set(sc_headers cache error eviction hooks key load memo process resource scope stats version)
set(sc_cxx_headers cache error key load memo options resource scope scopecache value)
set(sc_modules scopecache)
if(SC_BUILD_LAMBDA)
	list(APPEND sc_headers function lambda)
	list(APPEND sc_cxx_headers lambda)
	list(APPEND sc_modules scopecache-lambda scopecache-function)
endif()

foreach(header IN LISTS sc_headers)
	install(FILES include/scopecache/${header}.h DESTINATION
		${CMAKE_INSTALL_INCLUDEDIR}/scopecache)
endforeach()

foreach(header IN LISTS sc_cxx_headers)
	install(FILES include/scopecache/${header}.hpp DESTINATION
		${CMAKE_INSTALL_INCLUDEDIR}/scopecache)
endforeach()

foreach(kind IN LISTS sc_kinds)
	if(SC_BUILD_LAMBDA)
		list(APPEND sc_libraries scopecache-function-${kind} scopecache-lambda-${kind})
	endif()
	list(APPEND sc_libraries scopecache-${kind})
endforeach()
install(TARGETS ${sc_libraries} EXPORT scopecache-targets
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(sc_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/scopecache)
install(EXPORT scopecache-targets NAMESPACE scopecache:: DESTINATION ${sc_package_dir})
configure_package_config_file(cmake/scopecache-config.cmake.in scopecache-config.cmake
	INSTALL_DESTINATION ${sc_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(scopecache-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/scopecache-config.cmake
	${PROJECT_BINARY_DIR}/scopecache-config-version.cmake DESTINATION ${sc_package_dir})

foreach(dir LIBDIR INCLUDEDIR)
	if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
		set(sc_pc_${dir} ${CMAKE_INSTALL_${dir}})
	else()
		set(sc_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
	endif()
endforeach()
file(RELATIVE_PATH sc_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(module IN LISTS sc_modules)
	configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION
		${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

if(SC_BUILD_CLI)
	install(TARGETS scopecache-command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	file(GLOB sc_manuals docs/man/*.1)
	install(FILES ${sc_manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# The manual pages of the functions are made from the headers, so that the two cannot differ.
find_package(Python3 3.9 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
	list(TRANSFORM sc_headers PREPEND ${PROJECT_SOURCE_DIR}/include/scopecache/ OUTPUT_VARIABLE
		sc_documented)
	list(TRANSFORM sc_documented APPEND .h)
	set(sc_manual ${PROJECT_BINARY_DIR}/man/man3)
	add_custom_command(OUTPUT ${sc_manual}/scopecache-cache.3
		COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/manual.py ${sc_manual}
		${sc_documented}
		DEPENDS cmake/manual.py ${sc_documented}
		COMMENT "Making the manual pages of section 3")
	add_custom_target(scopecache-manual ALL DEPENDS ${sc_manual}/scopecache-cache.3)
	install(DIRECTORY ${sc_manual} DESTINATION ${CMAKE_INSTALL_MANDIR})
else()
	message(STATUS "Without Python 3.9 or later there are no manual pages of section 3")
endif()
