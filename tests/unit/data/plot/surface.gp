set terminal pngcairo size 640,480 noenhanced font ',10.9' background rgb '#ffffff'
set encoding utf8
$data0 << EOD
0 -1 -0.5 0 0.5 1
-1 0 -0.75 -1 -0.75 0
-0.5 0.75 0 -0.25 0 0.75
0 1 0.25 0 0.25 1
0.5 0.75 0 -0.25 0 0.75
1 0 -0.75 -1 -0.75 0
EOD
$data1 << EOD
1 0 1.02
0 0 0.02
EOD
set xrange [-1:1]
set yrange [-1:1]
set zrange [-1:1]
set view 55,35,1.1,1
set xyplane 0
set pm3d scansautomatic border lc rgb '#ffffff' lw 0.4
set palette defined (0 '#440154', 1 '#472d7b', 2 '#3b528b', 3 '#2c728e', 4 '#21918c', 5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')
set cbrange [-1:1]
set border 31 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('-1.0' -1, '-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('-1.0' -1, '-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1) textcolor rgb '#24292f'
set ztics nomirror out scale 0.6 ('-1.0' -1, '-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1) textcolor rgb '#24292f'
set grid xtics ytics ztics back lt 1 lw 0.6 lc rgb '#d8dde3'
unset colorbox
set key outside right top vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 textcolor rgb '#24292f'
splot $data0 nonuniform matrix with pm3d notitle, \
    $data1 using 1:2:3 with lines lw 3.64 lc rgb '#ffffff' notitle, \
    $data1 using 1:2:3 with lines lw 1.82 lc rgb '#0072b2' title 'SGD', \
    $data1 using 1:2:3 every ::0::0 with points pt 7 ps 0.736 lc rgb '#ffffff' notitle, \
    $data1 using 1:2:3 every ::0::0 with points pt 7 ps 0.545 lc rgb '#0072b2' notitle, \
    $data1 using 1:2:3 every ::1::1 with points pt 7 ps 1.47 lc rgb '#ffffff' notitle, \
    $data1 using 1:2:3 every ::1::1 with points pt 7 ps 1.09 lc rgb '#0072b2' notitle
