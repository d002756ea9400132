// Pages about moments: they are written by the server, and loaded again after every decision.

import { data, review } from "./review.js";

review.subscribe((state) => {
  if (data.person !== undefined && !review.person(data.person)) location.assign(data.pages);
  else if (state.revision !== data.revision) location.reload();
});
