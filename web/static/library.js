// The library: a footage without a picture keeps its empty frame, and no broken one.

for (const picture of document.querySelectorAll(".footage-picture img")) {
  const hide = () => picture.classList.add("missing");
  if (picture.complete && !picture.naturalWidth) hide();
  picture.addEventListener("error", hide);
}
