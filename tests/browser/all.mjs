// All tests, in an order: the first ones look at the scene, later ones change it. The demo plays
// meanwhile, and the scene is built.
import "./demo.mjs";
import "./mending.mjs";
import "./scene.mjs";
import "./signing.mjs";
import "./looks.mjs";
import "./desk.mjs";
import "./live.mjs";
import "./many.mjs";
import "./story.mjs";
