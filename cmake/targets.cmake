# What every target of the project is built with, and the few shapes of target there are.
#
#   sc_room(NAME SOURCES... [LIBS ...])     a folder under src/: an object library sci_NAME
#   sc_library(NAME ROOMS ... LIBS ...)     an installed library, static and shared, made of rooms
#   sc_program(NAME SOURCES ... LIBS ...)   a program, left in the top of the build directory

add_library(sc_flags INTERFACE)
target_include_directories(sc_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(sc_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(sc_flags INTERFACE
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
	-Wformat=2 -Wundef -Wvla -Wwrite-strings -Wnull-dereference -fno-common
	$<$<C_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments>)
# The user's code, which the libraries call, may throw or end its thread: their cleanup handlers run then.
target_compile_options(sc_flags INTERFACE -fexceptions)
if(SC_WERROR)
	target_compile_options(sc_flags INTERFACE -Werror)
endif()
if(SC_AUDIT)
	target_compile_definitions(sc_flags INTERFACE SC_AUDIT=1)
endif()
if(SC_SANITIZE)
	# Instrumented code is slow: -O1 takes a third off the time of the tests and keeps stack traces whole.
	target_compile_options(sc_flags INTERFACE
		-O1 -fsanitize=${SC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(sc_flags INTERFACE -fsanitize=${SC_SANITIZE})
endif()
if(SC_COVERAGE)
	# Threads that count without atomics make counts that are negative, which gcov's readers refuse; with
	# atomics -O0 is slow, and -Og keeps the lines as they are written.
	target_compile_options(sc_flags INTERFACE
		-Og --coverage -fprofile-abs-path -fprofile-update=atomic)
	target_link_options(sc_flags INTERFACE --coverage)
endif()

# What is shipped is hardened as Debian hardens its packages. Those who set _FORTIFY_SOURCE themselves,
# as packagers do, keep theirs.
if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$" AND NOT SC_SANITIZE)
	target_compile_options(sc_flags INTERFACE -fstack-protector-strong -fstack-clash-protection)
	if(NOT "${CMAKE_C_FLAGS}" MATCHES "_FORTIFY_SOURCE")
		target_compile_definitions(sc_flags INTERFACE _FORTIFY_SOURCE=2)
	endif()
	target_link_options(sc_flags INTERFACE -Wl,-z,relro,-z,now)
endif()

function(sc_room name)
	cmake_parse_arguments(room "" "" "LIBS" ${ARGN})
	add_library(sci_${name} OBJECT ${room_UNPARSED_ARGUMENTS})
	target_link_libraries(sci_${name} PRIVATE sc_flags ${room_LIBS})
endfunction()

function(sc_library name)
	cmake_parse_arguments(lib "" "" "ROOMS;LIBS" ${ARGN})
	set(objects)
	foreach(room IN LISTS lib_ROOMS)
		list(APPEND objects $<TARGET_OBJECTS:sci_${room}>)
	endforeach()
	foreach(kind static shared)
		string(TOUPPER ${kind} KIND)
		add_library(${name}-${kind} ${KIND} ${objects})
		set_target_properties(${name}-${kind} PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${name}-${kind})
		target_include_directories(${name}-${kind} PUBLIC
			$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
			$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
		# The rooms were compiled with the flags; what is left of them here is what the linker needs.
		target_link_libraries(${name}-${kind} PRIVATE $<BUILD_INTERFACE:sc_flags> PUBLIC ${lib_LIBS})
		add_library(scopecache::${name}-${kind} ALIAS ${name}-${kind})
	endforeach()
	set(map ${CMAKE_CURRENT_SOURCE_DIR}/${name}.map)
	target_link_options(${name}-shared PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined-version)
	set_target_properties(${name}-shared PROPERTIES
		VERSION ${PROJECT_VERSION} SOVERSION ${sc_soversion} LINK_DEPENDS ${map})
endfunction()

function(sc_program name)
	cmake_parse_arguments(program "" "" "LIBS" ${ARGN})
	add_executable(${name} ${program_UNPARSED_ARGUMENTS})
	target_link_libraries(${name} PRIVATE sc_flags ${program_LIBS})
endfunction()
