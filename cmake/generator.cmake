# The presets use Ninja. CMake's own error names neither the missing program nor an alternative.
if(CMAKE_GENERATOR MATCHES "^Ninja" AND NOT CMAKE_MAKE_PROGRAM)
	find_program(sc_ninja NAMES ninja ninja-build samu NO_CACHE)
	if(NOT sc_ninja)
		message(FATAL_ERROR
			"There is no ninja: install it (Debian: ninja-build), or build with make "
			"by cmake -G \"Unix Makefiles\" -B build.")
	endif()
endif()
