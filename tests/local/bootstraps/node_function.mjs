// A function as people write it for Lambda's Node.js: the real runtime interface client runs it.

console.log("init");
if (process.env.FAIL_INIT) {
  throw new RangeError("no database");
}
let count = 0;

export const handler = async (event, context) => {
  count += 1;
  if (event.fail) {
    console.error(new TypeError("logged"));
    throw new Error("é: " + event.fail);
  }
  if (event.exit) {
    process.exit(event.exit);
  }
  console.log("hello from node");
  if (event.ms) {
    await new Promise((resolve) => setTimeout(resolve, event.ms));
  }
  return {
    count,
    event,
    request_id: context.awsRequestId,
    function: context.functionName,
    arn: context.invokedFunctionArn,
    memory: context.memoryLimitInMB,
    remaining: context.getRemainingTimeInMillis(),
    trace: process.env._X_AMZN_TRACE_ID,
    custom: context.clientContext?.custom,
    log_stream: context.logStreamName,
    text: "é€😀",
  };
};
