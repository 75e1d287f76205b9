/** The cloth under a lamp, drawn only when something has changed. Owns the WebGL context; knows no React. */
import {
  AmbientLight,
  Color,
  DirectionalLight,
  DoubleSide,
  Group,
  Mesh,
  MeshPhysicalMaterial,
  MeshStandardMaterial,
  NeutralToneMapping,
  PCFShadowMap,
  PMREMGenerator,
  PerspectiveCamera,
  PlaneGeometry,
  RepeatWrapping,
  SRGBColorSpace,
  Scene,
  ShadowMaterial,
  SphereGeometry,
  Texture,
  TextureLoader,
  Vector3,
  WebGLRenderer,
} from "three";
import type { BufferGeometry, Material, Object3D } from "three";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { TABLE, drape } from "./drape";
import { ball } from "./shapes";

export type Shape = "ball" | "drape" | "jacket";
export type Lamp = { azimuthDeg: number; heightDeg: number };
export type MapUrls = { albedo: string; normal: string; roughness: string; ao: string };

type View = { from: Vector3; to: Vector3; spreadMm: number };

const VIEWS: Record<Shape, View> = {
  ball: { from: new Vector3(0, 12, 330), to: new Vector3(0, 0, 0), spreadMm: 120 },
  drape: { from: new Vector3(0, 290, 500), to: new Vector3(6, -34, 12), spreadMm: 280 },
  jacket: { from: new Vector3(0, -200, 1500), to: new Vector3(0, -278, -20), spreadMm: 520 },
};
/** The jacket is a relief: it has no back. */
const FURTHEST_TURN: Partial<Record<Shape, number>> = { jacket: 32 };

export class LitScene {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(30, 1, 10, 6000);
  private readonly lamp = new DirectionalLight("#fff6ea", 3);
  private readonly cloth = new MeshPhysicalMaterial({ side: DoubleSide });
  private readonly stand = new MeshStandardMaterial({ color: "#241d17", roughness: 0.35 });
  private readonly shapes = new Map<Shape, Group>();
  private shape: Shape = "ball";
  private asked = 0;
  private disposed = false;

  /** Raises where there is no WebGL. */
  constructor(
    canvas: HTMLCanvasElement,
    private readonly onDrawn: () => void,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: "low-power" });
    this.renderer.toneMapping = NeutralToneMapping;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    const room = new RoomEnvironment();
    const generator = new PMREMGenerator(this.renderer);
    this.scene.environment = generator.fromScene(room, 0.04).texture;
    this.scene.environmentIntensity = 0.34;
    generator.dispose();
    this.lamp.castShadow = true;
    this.lamp.shadow.mapSize.set(2048, 2048);
    this.lamp.shadow.radius = 4;
    this.scene.add(this.lamp, this.lamp.target, new AmbientLight("#ffffff", 0.06));
  }

  /** The maps of a tile that measures (width, height) millimetres. Resolves when they can be seen. */
  async wear(urls: MapUrls, [width, height]: readonly [number, number], sheen: string): Promise<void> {
    const load = async (url: string, isColour: boolean) => {
      const texture = await new TextureLoader().loadAsync(url);
      texture.wrapS = texture.wrapT = RepeatWrapping;
      texture.repeat.set(1 / width, 1 / height);
      texture.anisotropy = this.anisotropy();
      if (isColour) texture.colorSpace = SRGBColorSpace;
      return texture;
    };
    const [map, normalMap, roughnessMap, aoMap] = await Promise.all([
      load(urls.albedo, true),
      load(urls.normal, false),
      load(urls.roughness, false),
      load(urls.ao, false),
    ]);
    const textures = { map, normalMap, roughnessMap, aoMap };
    if (this.disposed) return Object.values(textures).forEach((texture) => texture.dispose());
    this.forgetMaps();
    Object.assign(this.cloth, textures);
    Object.assign(this.cloth, { sheen: 0.35, sheenRoughness: 0.6, sheenColor: new Color(sheen), needsUpdate: true });
    this.draw();
  }

  /** Puts the jacket in the file at this address on show. Resolves when it can be seen. */
  async dress(url: string): Promise<void> {
    const { scene } = await new GLTFLoader().loadAsync(url);
    if (this.disposed) return forget(scene);
    scene.scale.setScalar(1000); // the file's metres
    scene.traverse((thing) => {
      if (!(thing instanceof Mesh)) return;
      thing.castShadow = thing.receiveShadow = true;
      Object.assign(thing.material as Material, { alphaToCoverage: true });
      const { map } = thing.material as MeshStandardMaterial;
      if (map) map.anisotropy = this.anisotropy();
    });
    const group = this.group("jacket");
    forget(group);
    group.clear().add(scene);
    this.draw();
  }

  show(shape: Shape): void {
    this.shapes.get(this.shape)?.removeFromParent();
    this.shape = shape;
    this.scene.add(this.group(shape));
    const { spreadMm } = VIEWS[shape];
    Object.assign(this.lamp.shadow.camera, { left: -spreadMm, right: spreadMm, top: spreadMm, bottom: -spreadMm });
    Object.assign(this.lamp.shadow.camera, { near: 1, far: 8 * spreadMm });
    this.lamp.shadow.bias = -0.0006;
    this.lamp.shadow.normalBias = spreadMm / 400;
    this.lamp.shadow.camera.updateProjectionMatrix();
    this.draw();
  }

  /** Where the lamp stands: around the vertical, 0 in front, and over the horizon. */
  light({ azimuthDeg, heightDeg }: Lamp): void {
    const { to, spreadMm } = VIEWS[this.shape];
    const [around, up] = [(azimuthDeg * Math.PI) / 180, (heightDeg * Math.PI) / 180];
    const away = 3.5 * spreadMm;
    this.lamp.target.position.copy(to);
    this.lamp.position
      .set(Math.sin(around) * Math.cos(up), Math.sin(up), Math.cos(around) * Math.cos(up))
      .multiplyScalar(away)
      .add(to);
    this.draw();
  }

  /** Turns the thing about the vertical, as far as there is something to be seen. */
  turn(degrees: number): void {
    const most = FURTHEST_TURN[this.shape] ?? Infinity;
    this.group(this.shape).rotation.y = (Math.max(-most, Math.min(most, degrees)) * Math.PI) / 180;
    this.draw();
  }

  resize(width: number, height: number): void {
    if (width === 0 || height === 0) return;
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.draw();
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.asked);
    this.forgetMaps();
    this.scene.environment?.dispose();
    for (const group of this.shapes.values()) forget(group);
    this.cloth.dispose();
    this.stand.dispose();
    this.renderer.dispose();
  }

  private draw(): void {
    cancelAnimationFrame(this.asked);
    if (this.disposed) return;
    this.asked = requestAnimationFrame(() => {
      const { from, to } = VIEWS[this.shape];
      // A narrow picture is looked at from further away.
      const away = Math.max(1, 0.94 / this.camera.aspect);
      this.camera.position.copy(from).sub(to).multiplyScalar(away).add(to);
      this.camera.lookAt(to);
      this.camera.updateProjectionMatrix();
      this.renderer.render(this.scene, this.camera);
      this.onDrawn();
    });
  }

  private built(shape: Shape): Group {
    const group = new Group();
    const add = (geometry: BufferGeometry, material: Material) => {
      const mesh = new Mesh(geometry, material);
      mesh.castShadow = mesh.receiveShadow = true;
      group.add(mesh);
    };
    if (shape === "ball") add(ball(), this.cloth);
    if (shape === "drape") {
      add(drape(), this.cloth);
      const table = new Mesh(new PlaneGeometry(2000, 2000).rotateX(-Math.PI / 2), new ShadowMaterial({ opacity: 0.28 }));
      table.position.y = TABLE;
      table.receiveShadow = true;
      group.add(table, new Mesh(new SphereGeometry(50, 32, 24), this.stand));
    }
    return group;
  }

  private group(shape: Shape): Group {
    const group = this.shapes.get(shape) ?? this.built(shape);
    this.shapes.set(shape, group);
    return group;
  }

  private anisotropy(): number {
    return Math.min(8, this.renderer.capabilities.getMaxAnisotropy());
  }

  private forgetMaps(): void {
    for (const texture of [this.cloth.map, this.cloth.normalMap, this.cloth.roughnessMap, this.cloth.aoMap])
      (texture as Texture | null)?.dispose();
  }
}

/** Gives back what a thing holds on the graphics card. */
function forget(of: Object3D): void {
  of.traverse((thing) => {
    if (!(thing instanceof Mesh)) return;
    (thing.geometry as BufferGeometry).dispose();
    for (const value of Object.values(thing.material as Material)) if (value instanceof Texture) value.dispose();
    (thing.material as Material).dispose();
  });
}

export function hasWebGl(): boolean {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}
