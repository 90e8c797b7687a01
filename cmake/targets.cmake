# What every target of the project is built with, and the few shapes of target there are.
#
#   sc_module(NAME SOURCES... [UNDER ...] [LIBS ...])
#	a folder under src/: an object library sci_NAME
#   sc_library(NAME EXPORT ... [JOINED] MODULES ... LIBS ...)
#	an installed library made of modules: scopecache::EXPORT
#   sc_program(NAME SOURCES... [UNDER ...] [LIBS ...])
#	a program, in the top of the build directory
#
# UNDER are the folders under src/ whose headers it may include, besides its own: the compiler finds
# no others. As a part of another build the targets are built when something links them, and not
# before.

add_library(sc_flags INTERFACE)
target_include_directories(sc_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
# For targets that may include all headers: tests, fuzz targets and benchmarks.
add_library(sc_inside INTERFACE)
target_include_directories(sc_inside INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(sc_inside INTERFACE sc_flags)
target_compile_definitions(sc_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(sc_flags INTERFACE
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
	-Wformat=2 -Wundef -Wvla -Wwrite-strings -Wnull-dereference -fno-common
	$<$<C_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments>)
# The libraries call the user's code, which may throw or end its thread: cleanup handlers must run
# then.
target_compile_options(sc_flags INTERFACE -fexceptions)
if(SC_WERROR)
	target_compile_options(sc_flags INTERFACE -Werror)
endif()
if(SC_AUDIT)
	target_compile_definitions(sc_flags INTERFACE SC_AUDIT=1)
endif()
if(SC_SANITIZE)
	# Instrumented code is slow: -O1 takes a third off the time of the tests and keeps stack
	# traces whole.
	target_compile_options(sc_flags INTERFACE
		-O1 -fsanitize=${SC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(sc_flags INTERFACE -fsanitize=${SC_SANITIZE})
endif()
if(SC_COVERAGE)
	# Threads that count without atomics can make negative counts, which gcov's readers refuse.
	# With atomics -O0 is slow, and -Og keeps the lines of the source.
	target_compile_options(sc_flags INTERFACE
		-Og --coverage -fprofile-abs-path -fprofile-update=atomic)
	target_link_options(sc_flags INTERFACE --coverage)
endif()

# Release builds are hardened as Debian hardens its packages. A packager's own _FORTIFY_SOURCE is
# kept. The linker's options are not in sc_flags, because those of a static library would reach the
# user's programs.
set(sc_is_shipped $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
# Clang has this option for some machines only, and warns on others.
include(CheckCCompilerFlag)
set(CMAKE_REQUIRED_FLAGS -Werror)
check_c_compiler_flag(-fstack-clash-protection SC_HAS_STACK_CLASH_PROTECTION)
unset(CMAKE_REQUIRED_FLAGS)
set(sc_stack_clash_protection $<$<BOOL:${SC_HAS_STACK_CLASH_PROTECTION}>:-fstack-clash-protection>)
add_library(sc_link_flags INTERFACE)
if(NOT SC_SANITIZE)
	target_compile_options(sc_flags INTERFACE
		$<${sc_is_shipped}:-fstack-protector-strong>
		$<${sc_is_shipped}:${sc_stack_clash_protection}>)
	if(NOT "${CMAKE_C_FLAGS}" MATCHES "_FORTIFY_SOURCE")
		target_compile_definitions(sc_flags INTERFACE $<${sc_is_shipped}:_FORTIFY_SOURCE=2>)
	endif()
	target_link_options(sc_link_flags INTERFACE $<${sc_is_shipped}:-Wl,-z,relro,-z,now>)
endif()

# Link src/NAME as NAME/ into a folder of its own, so that an include path can contain only that
# module.
function(sc_may_include target)
	foreach(module IN LISTS ARGN)
		set(only ${PROJECT_BINARY_DIR}/only/${module})
		if(NOT EXISTS ${only}/${module})
			file(MAKE_DIRECTORY ${only})
			file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${module} ${only}/${module}
				SYMBOLIC)
		endif()
		target_include_directories(${target} PRIVATE ${only})
	endforeach()
endfunction()

function(sc_module name)
	cmake_parse_arguments(module "" "" "UNDER;LIBS" ${ARGN})
	add_library(sci_${name} OBJECT ${module_UNPARSED_ARGUMENTS})
	get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
	sc_may_include(sci_${name} ${folder} ${module_UNDER})
	target_link_libraries(sci_${name} PRIVATE sc_flags ${module_LIBS})
	set_target_properties(sci_${name} PROPERTIES EXCLUDE_FROM_ALL ${sc_only_when_linked})
endfunction()

# Join the objects of "${ARGN}" into one object file whose only global symbols are the library's
# exports.
function(sc_join name)
	find_program(SC_OBJCOPY NAMES ${CMAKE_OBJCOPY} objcopy REQUIRED)
	mark_as_advanced(SC_OBJCOPY)
	separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
	add_custom_command(OUTPUT ${name}.o
		COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -o ${name}.o ${ARGN}
		COMMAND ${SC_OBJCOPY} --wildcard "--localize-symbol=sci_*" ${name}.o
		DEPENDS ${ARGN} COMMAND_EXPAND_LISTS VERBATIM)
endfunction()

# JOINED: its archive has one member, so that it shares no name with another library that has some
# of the same modules, and both fit into one program as a whole.
function(sc_library name)
	cmake_parse_arguments(lib "JOINED" "EXPORT" "MODULES;LIBS" ${ARGN})
	set(objects)
	foreach(module IN LISTS lib_MODULES)
		list(APPEND objects $<TARGET_OBJECTS:sci_${module}>)
	endforeach()
	foreach(kind IN LISTS sc_kinds)
		string(TOUPPER ${kind} KIND)
		if(lib_JOINED AND kind STREQUAL "static")
			sc_join(${name} ${objects})
			add_library(${name}-static STATIC ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
			set_target_properties(${name}-static PROPERTIES LINKER_LANGUAGE C)
		else()
			add_library(${name}-${kind} ${KIND} ${objects})
		endif()
		set_target_properties(${name}-${kind} PROPERTIES
			OUTPUT_NAME ${name} EXPORT_NAME ${lib_EXPORT}-${kind} EXCLUDE_FROM_ALL
			${sc_only_when_linked})
		target_include_directories(${name}-${kind} PUBLIC
			$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
			$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
		# The modules were compiled with the flags; the library needs only the linker's part
		# of them.
		target_link_libraries(${name}-${kind} PRIVATE $<BUILD_INTERFACE:sc_flags> PUBLIC
			${lib_LIBS})
	endforeach()
	if(shared IN_LIST sc_kinds)
		set(map ${CMAKE_CURRENT_SOURCE_DIR}/${name}.map)
		target_link_libraries(${name}-shared PRIVATE $<BUILD_INTERFACE:sc_link_flags>)
		target_link_options(${name}-shared PRIVATE -Wl,--version-script=${map}
			-Wl,--no-undefined-version)
		set_target_properties(${name}-shared PROPERTIES
			VERSION ${PROJECT_VERSION} SOVERSION ${sc_soversion} LINK_DEPENDS ${map})
	endif()
	sc_name(${name} ${lib_EXPORT})
endfunction()

# scopecache::EXPORT-KIND for each kind that is built, and scopecache::EXPORT for the one that
# others link.
function(sc_name name export)
	foreach(kind IN LISTS sc_kinds)
		add_library(scopecache::${export}-${kind} ALIAS ${name}-${kind})
	endforeach()
	add_library(scopecache::${export} ALIAS ${name}-${sc_usual_kind})
endfunction()

function(sc_program name)
	cmake_parse_arguments(program "" "" "UNDER;LIBS" ${ARGN})
	add_executable(${name} ${program_UNPARSED_ARGUMENTS})
	sc_may_include(${name} ${program_UNDER})
	target_link_libraries(${name} PRIVATE sc_flags sc_link_flags ${program_LIBS})
endfunction()
