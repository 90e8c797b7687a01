// A function in C++ that does what its event says: cxx_lambda_test.py sends them.
#include <scopecache/scopecache.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>

// Made by init, and destroyed at the end.
class function
{
      public:
	function()
	{
		if (std::getenv("REFUSE"))
			throw std::runtime_error("the holder cannot be made");
	}

	std::string operator()(scopecache::invocation &inv)
	{
		const std::string event(inv.event());
		calls_++;
		if (event == "\"throw\"")
			throw std::runtime_error("thrown by the handler");
		if (event == "\"fail\"")
			throw scopecache::failure("Function.NoSuchReport", "there is none");
		if (event == "\"number\"")
			throw 5;
		return "[" + std::to_string(calls_) + "," + std::to_string(inv.remaining_ms() > 0) +
			"," + event + "]";
	}

      private:
	int calls_ = 0;
};

int main()
{
	return scopecache::lambda_main<function>();
}
